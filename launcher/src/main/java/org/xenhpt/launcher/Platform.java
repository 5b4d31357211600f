// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.felix.framework.FrameworkFactory;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.hooks.resolver.ResolverHookFactory;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.wiring.FrameworkWiring;

/** The OSGi framework with the distribution's bundles in it. */
final class Platform implements AutoCloseable {
    /** The service that runs commands: a type of the JDK, so that the launcher shares no class with the bundles. */
    private static final String SHELL = "(&(objectClass=" + ToIntFunction.class.getName() + ")(hpt.main=true))";
    private static final long SHELL_WAIT_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long STOP_WAIT_MILLIS = 3_000;
    private static final int DELETE_ATTEMPTS = 20;

    /** The requirement in the framework's message on a bundle that does not resolve. */
    private static final Pattern MISSING = Pattern.compile("missing requirement \\[[^]]*\\]\\(R [^)]*\\)\\] (\\S+; \\S+)");

    /** The bundle that takes bundles from the deploy folder, by the name of its file. */
    private static final String DEPLOYER = "org.apache.felix.fileinstall-";

    private final Settings settings;
    private final Trust trust;
    private final Path storage;
    private final Framework framework;
    private final List<String> problems = new ArrayList<>();
    private final Thread onExit = new Thread(this::interrupted, "hpt-exit");
    private boolean extrasStarted;

    Platform(Settings settings) throws StartException {
        // Felix writes Java's version with the digits of the country, and then cannot read it: it would not come up in
        // Egypt. What hpt says itself is the same everywhere.
        Locale.setDefault(Locale.ROOT);
        this.settings = settings;
        trust = settings.trust();
        try {
            storage = Files.createTempDirectory("hpt-");
        } catch (IOException e) {
            throw new StartException("no temporary folder: " + e.getMessage()
                    + "; set another with -Djava.io.tmpdir=DIR in HPT_JAVA_OPTS", e);
        }
        Runtime.getRuntime().addShutdownHook(onExit);
        // An extension of the framework would be run when it is installed, before anybody could refuse it.
        System.setProperty("felix.extensions.disable", "true");
        framework = new FrameworkFactory().newFramework(configuration(),
                settings.isolated() ? null : new ClassPathModules());
    }

    private Map<String, String> configuration() {
        Map<String, String> all = new HashMap<>(settings.properties());
        all.put(Constants.FRAMEWORK_STORAGE, storage.resolve("cache").toString());
        all.put(Constants.FRAMEWORK_STORAGE_CLEAN, Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT);
        // The logging API is shared by the framework's side and the bundles.
        all.put(Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                "org.slf4j;version=2.0.20,org.slf4j.event;version=2.0.20,org.slf4j.helpers;version=2.0.20,"
                + "org.slf4j.spi;version=2.0.20,sun.misc");
        // A class that a bundle forgot to import must be missing, not come from the class path by luck.
        all.put("felix.bootdelegation.implicit", "false");
        // The storage is this process's own, so that any number of commands can run at the same time.
        all.put("felix.cache.locking", "false");
        all.put("felix.shutdown.hook", "false");
        // So few bundles are resolved sooner than the resolver's threads are started.
        all.put("felix.resolver.parallelism", "1");
        all.put("ds.loglevel", settings.logLevel().equals("debug") ? "info" : "error");
        all.put("felix.fileinstall.dir", settings.deploy().toString());
        all.putIfAbsent("felix.fileinstall.poll", "1000");
        all.put("felix.fileinstall.tmpdir", storage.resolve("deploy").toString());
        all.put("felix.fileinstall.noInitialDelay", "true");
        all.put("felix.fileinstall.bundles.new.start", "true");
        all.put("felix.fileinstall.log.level", settings.logLevel().equals("debug") ? "4" : "1");
        return all;
    }

    /**
     * Starts the framework and the bundles.
     *
     * @throws StartException when the shell does not come up; it names what is missing
     */
    ToIntFunction<String[]> start() throws StartException {
        try {
            framework.init();
            framework.start();
        } catch (BundleException e) {
            throw new StartException("the OSGi framework: " + e.getMessage(), e);
        }
        BundleContext context = framework.getBundleContext();
        Hashtable<String, Object> extras = new Hashtable<>();
        extras.put("hpt.extras", true);
        context.registerService(Runnable.class, this::startExtras, extras);
        startAll(Settings.jars(settings.home().resolve("bundles")));
        return shell(context);
    }

    /** What went wrong with single bundles, each in one line. */
    List<String> problems() {
        return List.copyOf(problems);
    }

    private synchronized void startExtras() {
        if (!extrasStarted) {
            extrasStarted = true;
            BundleContext context = framework.getBundleContext();
            Deployed deployed = new Deployed(settings, trust);
            context.addBundleListener(deployed);
            context.registerService(ResolverHookFactory.class, deployed, null);
            Hashtable<String, Object> refusals = new Hashtable<>();
            refusals.put("hpt.refusals", true);
            // A type of the JDK, as for the shell: why the bundle with this id is refused, empty when it is not.
            LongFunction<String> refusal = deployed::refusal;
            context.registerService(LongFunction.class, refusal, refusals);
            boolean trusted = deployed.isTrusted();
            startAll(Settings.jars(settings.home().resolve("bundles/interactive")).stream()
                    .filter(jar -> trusted || !jar.getFileName().toString().startsWith(DEPLOYER)).toList());
        }
    }

    private void startAll(List<Path> jars) {
        BundleContext context = framework.getBundleContext();
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : jars) {
            try {
                installed.add(context.installBundle(settings.isolated()
                        ? "reference:" + jar.toUri() : ClassPathModules.location(jar)));
            } catch (BundleException e) {
                problems.add("bundle " + jar.getFileName() + ": " + oneLine(e));
            }
        }
        // Declarative Services first, so that no bundle's components wait for it in a second pass.
        installed.sort(Comparator.comparing(bundle -> !bundle.getSymbolicName().equals("org.apache.felix.scr")));
        // All together: one by one, each start would run the resolver.
        framework.adapt(FrameworkWiring.class).resolveBundles(installed);
        for (Bundle bundle : installed) {
            if (bundle.getHeaders("").get(Constants.FRAGMENT_HOST) != null) {
                continue;
            }
            try {
                // Transient: the framework is told anew each time, so that what it would note down is of no use.
                bundle.start(Bundle.START_TRANSIENT);
            } catch (BundleException e) {
                problems.add("bundle " + bundle.getSymbolicName() + ": " + oneLine(e));
            }
        }
    }

    @SuppressWarnings("unchecked")
    private ToIntFunction<String[]> shell(BundleContext context) throws StartException {
        long end = System.nanoTime() + SHELL_WAIT_NANOS;
        try {
            do {
                ServiceReference<?>[] found = context.getServiceReferences((String) null, SHELL);
                if (found != null) {
                    Object shell = context.getService(found[0]);
                    if (shell != null) {
                        return (ToIntFunction<String[]>) shell;
                    }
                }
                Thread.sleep(20);
            } while (System.nanoTime() < end);
        } catch (InvalidSyntaxException e) {
            throw new StartException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartException("interrupted", e);
        }
        List<String> causes = new ArrayList<>(problems);
        causes.addAll(Diagnosis.unsatisfied(context));
        throw new StartException("no bundle offers the commands"
                + (causes.isEmpty() ? ": is " + settings.home().resolve("bundles") + " complete?"
                        : " (" + String.join("; ", causes) + ")"));
    }

    private static String oneLine(Throwable error) {
        String text = error.getMessage() == null ? error.toString() : error.getMessage();
        Throwable cause = error.getCause();
        if (cause != null && cause.getMessage() != null && !text.contains(cause.getMessage())) {
            text += ": " + cause.getMessage();
        }
        Matcher missing = MISSING.matcher(text);
        if (missing.find()) {
            text = "needs " + missing.group(1);
        }
        return text.replaceAll("\\s*[\\r\\n]+\\s*", " ");
    }

    /** Stops the bundles, for a bounded time, and removes the storage. */
    @Override
    public void close() {
        try {
            framework.stop();
            FrameworkEvent end = framework.waitForStop(STOP_WAIT_MILLIS);
            if (end.getType() == FrameworkEvent.WAIT_TIMEDOUT && settings.logLevel().equals("debug")) {
                System.err.println("hpt: the bundles did not stop in time");
            }
        } catch (BundleException e) {
            System.err.println("hpt: warning: stop: " + oneLine(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        deleteStorage();
    }

    /** The process is told to end (SIGINT, SIGTERM), maybe while the framework still starts. */
    private void interrupted() {
        // What then goes wrong in the framework is of no interest to who ended it.
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        System.setErr(nowhere);
        System.setOut(nowhere);
        deleteStorage();
    }

    private void deleteStorage() {
        // Another thread may still write there.
        for (int attempt = 0; attempt < DELETE_ATTEMPTS && Files.exists(storage); attempt++) {
            try (Stream<Path> files = Files.walk(storage)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            } catch (IOException | UncheckedIOException e) {
                // It changed while it was walked: the next attempt finds it as it is then.
            }
        }
    }
}
