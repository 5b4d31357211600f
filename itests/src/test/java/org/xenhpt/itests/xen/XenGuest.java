// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.itests.guest.Lister;

/** A guest of the lab's Xen, created for a test and destroyed after it. */
final class XenGuest implements AutoCloseable {
    private static final long BOOT_SECONDS = 900;
    private static final long ANSWER_SECONDS = 300;
    private static final long CREATE_SECONDS = 300;

    private final XenLab lab;
    private final XenSpec spec;
    private final Process talk;
    private final Lister lister;

    private XenGuest(XenLab lab, XenSpec spec, Process talk) {
        this.lab = lab;
        this.spec = spec;
        this.talk = talk;
        this.lister = new Lister(new Terminal(), ANSWER_SECONDS);
    }

    /** Creates a guest, and does not wait for it. */
    static XenGuest create(XenLab lab, XenSpec spec) throws IOException {
        List<String> command = new ArrayList<>(List.of("guest", "create", spec.name()));
        command.addAll(spec.options());
        XenLab.run(CREATE_SECONDS, command.toArray(String[]::new));
        XenGuest guest = new XenGuest(lab, spec, lab.start("guest", "talk", spec.name()));
        guest.lister.read(new BufferedReader(
                new InputStreamReader(guest.talk.getInputStream(), StandardCharsets.ISO_8859_1)), spec.name());
        return guest;
    }

    /** Waits until all its processes are up. */
    XenGuest await() throws IOException {
        lister.awaitReady(BOOT_SECONDS);
        return this;
    }

    XenSpec spec() {
        return spec;
    }

    Lister lister() {
        return lister;
    }

    /** Ends it as a power cut does. */
    void destroy() throws IOException {
        talk.destroy();
        lab.dom0("xl destroy " + spec.name());
    }

    @Override
    public void close() throws IOException {
        talk.destroy();
        lab.dom0("! xl domid " + spec.name() + " >/dev/null 2>&1 || xl destroy " + spec.name());
    }

    /** The guest's port, through dom0. */
    private final class Terminal implements Lister.Port {
        @Override
        public void send(String line) throws IOException {
            talk.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
            talk.getOutputStream().flush();
        }

        @Override
        public void checkAlive() throws IOException {
            if (!talk.isAlive()) {
                throw new IOException("nobody listens for " + spec + " any more: " + log());
            }
        }

        @Override
        public String log() {
            String console;
            try {
                console = XenLab.run(CREATE_SECONDS, "guest", "console", spec.name());
            } catch (IOException e) {
                console = e.getMessage();
            }
            return "\nconsole: " + console + lab.state();
        }
    }
}
