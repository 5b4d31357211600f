// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class VmcoreinfoTest {
    private static final String TEXT = """
            OSRELEASE=6.1.0-50-amd64
            BUILD-ID=06f8bde30046985060c60820f7a11515a33afb06
            PAGESIZE=4096
            SYMBOL(init_uts_ns)=ffffffff95dfb100
            OFFSET(uts_namespace.name)=0
            SYMBOL(swapper_pg_dir)=ffffffff95c10000
            SYMBOL(_stext)=ffffffff94200000
            LENGTH(node_data)=1024
            NUMBER(phys_base)=-161480704
            SYMBOL(init_top_pgt)=ffffffff95c10000
            KERNELOFFSET=13200000
            """;

    @Test
    void readsWhatTheKernelLists() {
        Vmcoreinfo info = Vmcoreinfo.parse(TEXT).orElseThrow();
        assertThat(info.release()).isEqualTo("6.1.0-50-amd64");
        assertThat(info.buildId()).isEqualTo("06f8bde30046985060c60820f7a11515a33afb06");
        assertThat(info.symbols()).hasSize(4).containsEntry("_stext", 0xffffffff94200000L);
        assertThat(info.numbers()).isEqualTo(Map.of("phys_base", -161480704L));
        assertThat(info.offsets()).isEqualTo(Map.of("uts_namespace.name", 0L));
        assertThat(info.kernelOffset()).isEqualTo(OptionalLong.of(0x13200000));
        assertThat(info.topLevelTable()).isEqualTo(OptionalLong.of(0xffffffff95c10000L));
        assertThat(info.is64Bit()).isTrue();
        assertThat(info.crashed()).isFalse();
        assertThat(info.pae()).isFalse();
    }

    @Test
    void tellsACrashAnd32Bits() {
        Vmcoreinfo info = Vmcoreinfo.parse("OSRELEASE=5.10.0\nSYMBOL(_stext)=c1000000\nCONFIG_X86_PAE=y\n"
                + "CRASHTIME=17\n").orElseThrow();
        assertThat(info.is64Bit()).isFalse();
        assertThat(info.crashed()).isTrue();
        assertThat(info.pae()).isTrue();
        assertThat(info.topLevelTable()).isEmpty();
        assertThat(info.kernelOffset()).isEmpty();
    }

    @Test
    void endsAtTheFirstByteThatNoSuchTextHas() {
        byte[] bytes = (TEXT + "\0SYMBOL(after)=1\n").getBytes(StandardCharsets.US_ASCII);
        assertThat(Vmcoreinfo.parse(bytes, bytes.length).orElseThrow().symbols()).doesNotContainKey("after");
        bytes[30] = (byte) 0x80;
        assertThat(Vmcoreinfo.parse(bytes, bytes.length).orElseThrow().symbols()).isEmpty();
    }

    @Test
    void rejectsWhatIsNoVmcoreinfo() {
        for (String text : new String[] {"", "OSRELEASE=", "OSRELEASE=%s\n", "OSRELEASE=a b\n", "PAGESIZE=4096\n",
            "OSRELEASE=" + "9".repeat(65) + "\n"}) {
            Optional<Vmcoreinfo> info = Vmcoreinfo.parse(text);
            assertThat(info.isEmpty() || info.get().symbols().isEmpty()).as(text).isTrue();
        }
        assertThat(Vmcoreinfo.parse("OSRELEASE=a b\n")).isEmpty();
        assertThat(Vmcoreinfo.parse("OSRELEASE=" + "9".repeat(65) + "\n")).isEmpty();
    }

    @Test
    void skipsLinesThatAreNoNumbers() {
        Vmcoreinfo info = Vmcoreinfo.parse("OSRELEASE=6.1\nSYMBOL(_stext)=nothing\nSYMBOL(a)=1ffffffffffffffff\n"
                + "NUMBER(b)=0x1\nKERNELOFFSET=\nBUILD-ID=../../etc\nSYMBOL(c=5\n=7\n").orElseThrow();
        assertThat(info.symbols()).isEmpty();
        assertThat(info.numbers()).isEmpty();
        assertThat(info.buildId()).isEmpty();
        assertThat(info.kernelOffset()).isEmpty();
    }

    @Test
    void readsNoMoreThanAPage() {
        String text = "OSRELEASE=6.1\n" + "SYMBOL(x)=1\n".repeat(10_000) + "SYMBOL(late)=2\n";
        assertThat(Vmcoreinfo.parse(text).orElseThrow().symbols()).containsOnlyKeys("x");
    }
}
