// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.error.HptException;

/**
 * Memory as it is: the offset in the file is the GPA. Nothing in the file says so, hence this takes any file of whole
 * pages that is not known to be something else.
 *
 * <p>A RAM file of QEMU ({@code memory-backend-file}) is such an image only below the PCI hole: what lies above 4 GiB
 * in the guest follows directly in the file. An image made with {@code pmemsave} from address 0 over all of the memory
 * has every GPA at its offset.
 */
final class Raw implements ImageFormat {
    /** Linux on x86 loads at 1 MiB or above, so less memory than that holds no kernel. */
    private static final long MIN_SIZE = 1 << 20;

    /** Files that people take for a memory image; first bytes, what it is, what to do. */
    private static final List<Foreign> FOREIGN = List.of(
            new Foreign("QFI\u00fb", "a qcow2 disk image", "give a memory image, not a disk"),
            new Foreign("PAGEDU64", "a Windows crash dump", "give an image of a Linux guest"),
            new Foreign("PAGEDUMP", "a Windows crash dump", "give an image of a Linux guest"),
            new Foreign("LibvirtQemudSave", "a saved guest of libvirt",
                    "make a dump instead: virsh dump --memory-only GUEST FILE"),
            new Foreign("QEVM", "a QEMU migration stream", "make a dump instead: dump-guest-memory FILE"),
            new Foreign("LinuxGuestRecord", "a saved guest of Xen", "make a dump instead: xl dump-core GUEST FILE"),
            new Foreign("XenSavedDomain", "a saved guest of Xen", "make a dump instead: xl dump-core GUEST FILE"),
            new Foreign("LVMA\2\0\0\0", "a compressed AVML image", "inflate it: avml-convert IN OUT"),
            new Foreign("\u00d2\u00be\u00d2\u00be", "a VMware snapshot's state", "give the .vmem file beside it"),
            new Foreign("\u001f\u008b", "compressed with gzip", "inflate it"),
            new Foreign("\u00fd7zXZ\0", "compressed with xz", "inflate it"),
            new Foreign("(\u00b5/\u00fd", "compressed with zstd", "inflate it"),
            new Foreign("BZh", "compressed with bzip2", "inflate it"),
            new Foreign("PK\3\4", "a zip archive", "unpack it"));

    private record Foreign(String start, String what, String next) {
    }

    @Override
    public boolean recognises(ImageBytes image, long magic) {
        return true;
    }

    @Override
    public Image open(ImageBytes image) {
        byte[] start = new byte[16];
        image.read(0, start, 0, start.length);
        for (Foreign foreign : FOREIGN) {
            if (begins(start, foreign.start)) {
                throw image.unreadable("not a memory image but " + foreign.what).next(foreign.next);
            }
        }
        if (image.size() < MIN_SIZE || image.size() % Extents.PAGE != 0) {
            String wrong = image.size() < MIN_SIZE ? "less than 1 MiB" : "no whole number of pages of 4096";
            throw tried(image.unreadable("not a memory image of a known format, and no raw one: its size, "
                    + image.size() + " bytes, is " + wrong))
                    .next("if it is a raw image, it is truncated: copy it again");
        }
        List<Extent> found = new ArrayList<>();
        found.add(new Extent(0, 0, image.size()));
        return Images.of("raw", image, found, Notes.NONE);
    }

    private static HptException tried(HptException e) {
        return e.tried("ELF core").tried("Xen core (xl dump-core)").tried("kdump-compressed").tried("LiME").tried("raw");
    }

    private static boolean begins(byte[] start, String with) {
        for (int i = 0; i < with.length(); i++) {
            if ((start[i] & 0xff) != with.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
