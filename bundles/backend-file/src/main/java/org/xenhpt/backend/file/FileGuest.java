// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.util.List;
import java.util.Optional;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/** An opened memory image. */
final class FileGuest implements Guest {
    private final ImageBytes bytes;
    private final Image image;
    private final GuestInfo info;
    private final String stamp;

    FileGuest(GuestUri uri, ImageBytes bytes, Image image, String stamp) {
        this.stamp = stamp;
        this.bytes = bytes;
        this.image = image;
        int vcpus = image.notes().registers().size();
        this.info = new GuestInfo(uri, bytes.path().getFileName().toString(), image.type(), GuestState.IMAGE,
                image.memoryBytes(), vcpus == 0 ? -1 : vcpus);
    }

    @Override
    public GuestInfo info() {
        return info;
    }

    @Override
    public PhysicalMemory memory() {
        return image.memory();
    }

    /** The registers that the image's notes hold. EFER is in none of the formats. */
    @Override
    public List<VcpuRegisters> registers() {
        return image.notes().registers();
    }

    @Override
    public Optional<String> vmcoreinfo() {
        return image.notes().vmcoreinfo();
    }

    @Override
    public String stamp() {
        return stamp;
    }

    @Override
    public void close() {
        bytes.close();
    }
}
