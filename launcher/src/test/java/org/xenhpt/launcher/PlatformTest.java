// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Hashtable;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;

class PlatformTest {
    /** Offers the commands as the shell's bundle does: tells how many arguments there are, or starts the extras. */
    public static final class Shell implements BundleActivator {
        @Override
        public void start(BundleContext context) {
            Hashtable<String, Object> properties = new Hashtable<>();
            properties.put("hpt.main", true);
            ToIntFunction<String[]> shell = args -> args.length > 0 && args[0].equals("extras") ? extras(context)
                    : args.length;
            context.registerService(ToIntFunction.class, shell, properties);
        }

        private static int extras(BundleContext context) {
            try {
                int before = context.getBundles().length;
                for (ServiceReference<Runnable> extras : context.getServiceReferences(Runnable.class, "(hpt.extras=true)")) {
                    context.getService(extras).run();
                }
                return context.getBundles().length - before;
            } catch (InvalidSyntaxException e) {
                return -1;
            }
        }

        @Override
        public void stop(BundleContext context) {
            // The framework takes the service back.
        }
    }

    @TempDir
    private Path home;

    @BeforeEach
    void distribution() throws IOException {
        Files.createDirectories(home.resolve("bundles/interactive"));
    }

    private void bundle(String file, Map<String, String> headers, Class<?>... classes) throws IOException {
        Manifest manifest = new Manifest();
        Attributes main = manifest.getMainAttributes();
        main.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        main.putValue("Bundle-ManifestVersion", "2");
        main.putValue("Bundle-SymbolicName", file);
        headers.forEach(main::putValue);
        try (OutputStream out = Files.newOutputStream(home.resolve("bundles").resolve(file + ".jar"));
                JarOutputStream jar = new JarOutputStream(out, manifest)) {
            for (Class<?> type : classes) {
                String name = type.getName().replace('.', '/') + ".class";
                jar.putNextEntry(new ZipEntry(name));
                try (InputStream in = type.getClassLoader().getResourceAsStream(name)) {
                    in.transferTo(jar);
                }
            }
        }
    }

    private Platform platform(boolean isolated) throws Exception {
        Files.createDirectories(home.resolve("conf"));
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.isolated=" + isolated + "\n");
        return new Platform(Settings.read(home, Map.of(), List.of()));
    }

    private void shell() throws IOException {
        bundle("shell", Map.of("Bundle-Activator", Shell.class.getName(), "Import-Package", "org.osgi.framework"),
                Shell.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void runsWhatTheShellBundleOffers(boolean isolated) throws Exception {
        shell();
        bundle("interactive/extra", Map.of());
        try (Platform platform = platform(isolated)) {
            ToIntFunction<String[]> shell = platform.start();
            assertThat(platform.problems()).isEmpty();
            assertThat(shell.applyAsInt(new String[] {"a", "b"})).isEqualTo(2);
            assertThat(shell.getClass().getClassLoader() == PlatformTest.class.getClassLoader()).isEqualTo(!isolated);
            assertThat(shell.applyAsInt(new String[] {"extras"})).isOne();
            assertThat(shell.applyAsInt(new String[] {"extras"})).isZero();
        }
    }

    /** Digits that are not of ASCII, an I without a dot. */
    @ParameterizedTest
    @ValueSource(strings = {"ar-EG-u-nu-arab", "tr-TR"})
    void comesUpInEveryCountry(String country) throws Exception {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag(country));
        shell();
        try (Platform platform = platform(true)) {
            assertThat(platform.start().applyAsInt(new String[] {"a", "b"})).isEqualTo(2);
            assertThat(platform.problems()).isEmpty();
            assertThat(Locale.getDefault()).as("Felix reads the digits but once in a process").isEqualTo(Locale.ROOT);
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void aBundleThatDoesNotResolveIsNamedAndTheOthersRun() throws Exception {
        shell();
        bundle("lacking", Map.of("Import-Package", "no.such.pkg"));
        Files.writeString(home.resolve("bundles/notajar.jar"), "text");
        try (Platform platform = platform(false)) {
            assertThat(platform.start().applyAsInt(new String[0])).isZero();
            assertThat(platform.problems()).anyMatch(problem -> problem.startsWith("bundle lacking: needs ")
                    && problem.contains("no.such.pkg"));
            assertThat(platform.problems()).anyMatch(problem -> problem.contains("notajar.jar"));
        }
    }

    @Test
    void withoutAShellItSaysWhyAndDoesNotHang() throws Exception {
        bundle("shell", Map.of("Bundle-Activator", Shell.class.getName(), "Import-Package", "no.such.pkg"), Shell.class);
        try (Platform platform = platform(false)) {
            assertTimeoutPreemptively(Duration.ofSeconds(120), () ->
                    assertThatThrownBy(platform::start).isInstanceOf(StartException.class)
                            .hasMessageContaining("bundle shell: needs").hasMessageContaining("no.such.pkg")
                            .hasMessageContaining("Declarative Services"));
        }
    }
}
