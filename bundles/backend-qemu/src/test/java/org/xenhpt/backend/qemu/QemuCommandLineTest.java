// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.xenhpt.backend.qemu.QemuCommandLine.QmpSocket;

class QemuCommandLineTest {
    private static QemuCommandLine line(String text) {
        return new QemuCommandLine(List.of(text.split(" ")));
    }

    private static QmpSocket at(String path) {
        return new QmpSocket(path, OptionalInt.empty());
    }

    @Test
    void plainOptions() {
        QemuCommandLine line = line("qemu-system-x86_64 -name web1 -m 256 -smp 4 -nodefaults"
                + " -qmp unix:/run/a.qmp,server=on,wait=off -qmp-pretty unix:b.qmp,server,nowait -qmp stdio");
        assertThat(line.name()).hasValue("web1");
        assertThat(line.memoryBytes()).isEqualTo(256L << 20);
        assertThat(line.vcpus()).isEqualTo(4);
        assertThat(line.qmpSockets()).containsExactly(at("/run/a.qmp"), at("b.qmp"));
    }

    @Test
    void asLibvirtWritesThem() {
        QemuCommandLine line = line("/usr/bin/qemu-system-x86_64 -name guest=db,,2,debug-threads=on"
                + " -m size=4194304k,slots=16,maxmem=8G -smp 2,maxcpus=8,sockets=8"
                + " -chardev socket,id=charmonitor,fd=25,server=on,wait=off -mon chardev=charmonitor,id=m,mode=control"
                + " -chardev socket,id=charchannel0,fd=26,server=on,wait=off");
        assertThat(line.name()).hasValue("db,2");
        assertThat(line.memoryBytes()).isEqualTo(4L << 30);
        assertThat(line.vcpus()).isEqualTo(2);
        assertThat(line.qmpSockets()).containsExactly(new QmpSocket("", OptionalInt.of(25)));
    }

    @Test
    void monitorsThatAreNoQmpServers() {
        assertThat(line("qemu -chardev socket,id=h,path=/run/h,server=on -mon chardev=h,mode=readline"
                + " -chardev socket,id=c,path=/run/c,server=off -mon c,mode=control"
                + " -chardev socket,id=t,port=4444,server=on -mon chardev=t,mode=control"
                + " -mon chardev=missing,mode=control -monitor unix:/run/m,server=on").qmpSockets()).isEmpty();
        assertThat(line("qemu --chardev socket,id=q,path=/run/q,server=on --mon chardev=q,mode=control -qmp chardev:q")
                .qmpSockets()).contains(at("/run/q"));
    }

    @Test
    void whatIsNotToldIsUnknown() {
        QemuCommandLine line = line("qemu -m -smp");
        assertThat(line.name()).isEmpty();
        assertThat(line.memoryBytes()).isEqualTo(-1);
        assertThat(line("qemu").vcpus()).isEqualTo(1);
        assertThat(line("qemu -m 99999999999T").memoryBytes()).isEqualTo(-1);
        assertThat(line("qemu -m lots -smp many").memoryBytes()).isEqualTo(-1);
        assertThat(line("qemu -m lots -smp many").vcpus()).isEqualTo(-1);
        assertThat(line("qemu -m 5G").memoryBytes()).isEqualTo(5L << 30);
        assertThat(line("qemu -name ,,,=,=").qmpSockets()).isEmpty();
        assertThat(new QemuCommandLine(List.of()).qmpSockets()).isEmpty();
    }
}
