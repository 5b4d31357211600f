// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the platform is started with: {@code conf/hpt.properties} of the distribution, overridden by system properties of the
 * same names.
 *
 * @param home       the distribution's folder
 * @param properties by name; each becomes a property of the OSGi framework
 * @param logLevel   {@code error}, {@code warn}, {@code info}, {@code debug} or {@code trace}
 * @param staysUp    whether a shell is started, not a single command
 */
record Settings(Path home, Map<String, String> properties, String logLevel, boolean staysUp) {
    private static final Set<String> LEVELS = Set.of("error", "warn", "info", "debug", "trace");

    static Settings read(Path home, Map<String, String> environment, List<String> args) throws StartException {
        Path folder = home.toAbsolutePath().normalize();
        if (!Files.isDirectory(folder.resolve("bundles"))) {
            throw new StartException(folder + ": has no folder bundles: not a distribution of XenHPT");
        }
        Map<String, String> properties = new HashMap<>();
        Path file = folder.resolve("conf/hpt.properties");
        if (Files.exists(file)) {
            Properties read = new Properties();
            try (InputStream in = Files.newInputStream(file)) {
                read.load(in);
            } catch (IOException | IllegalArgumentException e) {
                throw new StartException(file + ": cannot be read: " + e.getMessage(), e);
            }
            read.forEach((key, value) -> properties.put((String) key, (String) value));
        }
        System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith("hpt."))
                .forEach(name -> properties.put(name, System.getProperty(name)));
        properties.put("hpt.home", folder.toString());
        properties.put("hpt.profiles", Stream.of(properties.getOrDefault("hpt.profiles", "kernel-profiles-yaml")
                .split(File.pathSeparator)).map(each -> folder.resolve(each.strip()).toString())
                .collect(Collectors.joining(File.pathSeparator)));
        return new Settings(folder, Map.copyOf(properties), level(properties, environment, args),
                args.isEmpty());
    }

    private static String level(Map<String, String> properties, Map<String, String> environment, List<String> args)
            throws StartException {
        String level = environment.getOrDefault("HPT_LOG", "");
        if (level.isEmpty()) {
            level = args.contains("--verbose") ? "debug" : properties.getOrDefault("hpt.log", "warn");
        }
        level = level.strip().toLowerCase(Locale.ROOT);
        if (!LEVELS.contains(level)) {
            throw new StartException("log level '" + level + "': write error, warn, info, debug or trace");
        }
        return level;
    }

    /**
     * Whether bundles get class loaders of their own instead of sharing that of the class path. Where the platform stays up,
     * bundles may be exchanged for others; a single command only wants to start fast.
     */
    boolean isolated() {
        String set = properties.get("hpt.isolated");
        return set == null ? staysUp : Boolean.parseBoolean(set);
    }

    Path deploy() {
        return home.resolve(properties.getOrDefault("hpt.deploy", "deploy"));
    }

    Trust trust() throws StartException {
        return Trust.read(Optional.ofNullable(properties.get(Trust.PROPERTY)));
    }

    /** Where the certificates are of whom bundles may be signed by. */
    Path keyStore() {
        return home.resolve("conf").resolve(properties.getOrDefault(TrustedSigners.PROPERTY, "trust.p12"));
    }

    Optional<String> keyStorePassword() {
        return Optional.ofNullable(properties.get(TrustedSigners.PASSWORD_PROPERTY));
    }

    /** System properties for the logging library. */
    Map<String, String> loggingProperties() {
        String prefix = "org.slf4j.simpleLogger.";
        // What code was taken from the deploy folder is told whether or not other information is.
        return Map.of(prefix + "log." + Deployed.AUDIT, Set.of("debug", "trace").contains(logLevel) ? logLevel : "info",
                prefix + "defaultLogLevel", logLevel, prefix + "showThreadName", "false",
                prefix + "showShortLogName", "true", prefix + "logFile", "System.err");
    }

    /** The jar files of a folder, by name. */
    static List<Path> jars(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
