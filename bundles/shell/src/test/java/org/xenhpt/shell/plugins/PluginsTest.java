// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.plugins;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.LongFunction;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.framework.launch.Framework;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import picocli.CommandLine.Command;

/** What is told of the bundles of a real framework. */
class PluginsTest {
    /** A vendor's command without the property that tells its name. */
    @Command(name = "count")
    private static final class Count implements HptCommand, Callable<Integer> {
        @Override
        public Integer call() {
            return 0;
        }
    }

    /** A vendor's backend. */
    private static class Vendors implements Backend {
        private final boolean broken;

        Vendors(boolean broken) {
            this.broken = broken;
        }

        @Override
        public String scheme() {
            if (broken) {
                throw new IllegalStateException("no licence");
            }
            return "vendor";
        }

        @Override
        public List<GuestInfo> guests() {
            return List.of();
        }

        @Override
        public Guest open(GuestUri uri) {
            throw new UnsupportedOperationException();
        }
    }

    @TempDir
    private Path storage;
    private Framework framework;

    @BeforeEach
    void start() throws BundleException {
        framework = new FrameworkFactory().newFramework(Map.of(Constants.FRAMEWORK_STORAGE, storage.toString(),
                Constants.FRAMEWORK_STORAGE_CLEAN, Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT));
        framework.start();
    }

    @AfterEach
    void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    private Bundle install(String name, Map<String, String> headers) throws IOException, BundleException {
        Manifest manifest = new Manifest();
        Attributes main = manifest.getMainAttributes();
        main.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        main.putValue("Bundle-ManifestVersion", "2");
        main.putValue("Bundle-SymbolicName", name);
        main.putValue("Bundle-Version", "1.2.3");
        headers.forEach(main::putValue);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new JarOutputStream(bytes, manifest).close();
        return framework.getBundleContext().installBundle("file:/deploy/" + name + ".jar",
                new ByteArrayInputStream(bytes.toByteArray()));
    }

    private Map<String, Plugin> plugins() {
        return new Plugins(framework.getBundleContext(), Optional.empty()).all().stream()
                .collect(Collectors.toMap(Plugin::name, plugin -> plugin));
    }

    @Test
    void aBundleThatGoesWhileOthersAreLookedAtIsNotTold() throws Exception {
        Bundle first = install("vendor.first", Map.of());
        Bundle second = install("vendor.second", Map.of());
        first.start();
        first.getBundleContext().registerService(Backend.class, new Vendors(false) {
            @Override
            public String scheme() {
                try {
                    second.uninstall();
                } catch (BundleException e) {
                    throw new IllegalStateException(e);
                }
                return super.scheme();
            }
        }, null);
        assertThat(plugins()).containsKey("vendor.first").doesNotContainKey("vendor.second");
    }

    private Plugin unresolved(String name, Map<String, String> headers) throws Exception {
        install(name, headers);
        try {
            framework.getBundleContext().getBundle("file:/deploy/" + name + ".jar").start();
            throw new AssertionError(name + " resolves");
        } catch (BundleException e) {
            Plugin plugin = plugins().get(name);
            assertThat(plugin.state()).isEqualTo("unresolved");
            return plugin;
        }
    }

    @Test
    void tellsWhatABundleGives() throws Exception {
        Bundle bundle = install("vendor", Map.of());
        bundle.start();
        bundle.getBundleContext().registerService(Backend.class, new Vendors(false), null);
        Dictionary<String, Object> named = new Hashtable<>(Map.of("hpt.command", "top"));
        bundle.getBundleContext().registerService(HptCommand.class, new Count(), named);
        bundle.getBundleContext().registerService(HptCommand.class, new Count(), null);
        bundle.getBundleContext().registerService(Runnable.class, () -> { }, null);
        assertThat(plugins().get("vendor")).isEqualTo(new Plugin("vendor", "1.2.3", "active",
                List.of("backend vendor:", "command count", "command top"), List.of(), "/deploy/vendor.jar"));
        assertThat(new Plugins(framework.getBundleContext(), Optional.empty()).missing()).contains("decoder", "front end")
                .doesNotContain("backend");
    }

    @Test
    void aServiceThatThrowsIsNamedAndHidesNothing() throws Exception {
        Bundle bundle = install("broken", Map.of());
        bundle.start();
        bundle.getBundleContext().registerService(Backend.class, new Vendors(true), null);
        bundle.getBundleContext().registerService(HptCommand.class, new Count(), null);
        assertThat(plugins().get("broken").gives()).containsExactly("command count");
        assertThat(plugins().get("broken").problems()).singleElement().asString().contains("Backend failed")
                .contains("no licence");
    }

    @Test
    void saysWhichPackageNobodyHas() throws Exception {
        assertThat(unresolved("a", Map.of("Import-Package", "no.such.pkg,java.util,opt;resolution:=optional")).problems())
                .containsExactly("needs the package no.such.pkg, which no bundle has");
        assertThat(unresolved("b", Map.of("Import-Package", "org.osgi.framework;version=\"[99,100)\"")).problems())
                .singleElement().asString().startsWith("needs the package org.osgi.framework [99.0.0,100.0.0), but there is "
                        + "only ").endsWith(" of the framework");
        assertThat(unresolved("c", Map.of("Import-Package", "org.osgi.framework;version=99")).problems())
                .singleElement().asString().contains("org.osgi.framework 99.0.0 or newer");
    }

    @Test
    void saysWhichBundleJavaOrCapabilityIsMissing() throws Exception {
        assertThat(unresolved("a", Map.of("Require-Bundle", "no.such.bundle")).problems())
                .containsExactly("needs the bundle no.such.bundle, which no bundle has");
        assertThat(unresolved("b", Map.of("Require-Capability",
                "osgi.ee;filter:=\"(&(osgi.ee=JavaSE)(version=99))\"")).problems())
                .containsExactly("needs Java 99: this is Java " + Runtime.version().feature());
        assertThat(unresolved("c", Map.of("Require-Capability", "vendor.gear;filter:=\"(vendor.gear=third)\"")).problems())
                .containsExactly("needs vendor.gear third, which no bundle has");
    }

    @Test
    void saysThatTheOtherBundleIsTheCulprit() throws Exception {
        unresolved("culprit", Map.of("Export-Package", "shared", "Import-Package", "no.such.pkg"));
        assertThat(unresolved("victim", Map.of("Import-Package", "shared")).problems())
                .containsExactly("needs the package shared of culprit, which does not resolve itself");
    }

    @Test
    void saysWhyABundleWasRefused() throws Exception {
        Plugin before = unresolved("evil", Map.of("Import-Package", "no.such.pkg"));
        long evil = framework.getBundleContext().getBundle("file:/deploy/evil.jar").getBundleId();
        LongFunction<String> guard = id -> id == evil ? "it is not signed" : "";
        framework.getBundleContext().registerService(LongFunction.class, guard, new Hashtable<>(Map.of("hpt.refusals", true)));
        assertThat(plugins().get("evil").problems()).containsExactly("refused: it is not signed");
        assertThat(unresolved("other", Map.of("Import-Package", "no.such.pkg")).problems()).isEqualTo(before.problems());
    }

    @Test
    void aBundleIsActiveWhenItHasStartedNotWhileItDoes() throws Exception {
        Bundle bundle = install("slow", Map.of());
        List<String> states = new ArrayList<>();
        framework.getBundleContext().addBundleListener((SynchronousBundleListener) event -> {
            if (event.getType() == BundleEvent.STARTING) {
                states.add(plugins().get("slow").state());
            }
        });
        bundle.start();
        states.add(plugins().get("slow").state());
        assertThat(states).containsExactly("starting", "active");
    }

    @Test
    void aBundleThatWaitsForItsFirstClassIsActive() throws Exception {
        Bundle bundle = install("lazy", Map.of(Constants.BUNDLE_ACTIVATIONPOLICY, Constants.ACTIVATION_LAZY));
        bundle.start(Bundle.START_ACTIVATION_POLICY);
        assertThat(bundle.getState()).isEqualTo(Bundle.STARTING);
        assertThat(plugins().get("lazy").state()).isEqualTo("active");
    }

    @Test
    void aBundleThatIsNotStartedIsShownAsSuch() throws Exception {
        Bundle bundle = install("idle", Map.of());
        bundle.start();
        bundle.stop();
        assertThat(plugins().get("idle").state()).isEqualTo("stopped");
        assertThat(plugins().get("idle").problems()).isNotEmpty();
    }
}
