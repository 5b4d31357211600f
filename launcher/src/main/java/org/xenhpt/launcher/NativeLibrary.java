// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;

/**
 * Unpacks JNA's native library from its jar, for a distribution that comes without it unpacked: a package for all
 * architectures may hold no machine code. Else JNA would unpack it at each start.
 */
public final class NativeLibrary {
    static final String NAME = "libjnidispatch.so";
    private static final String JAR = "jna-";
    private static final String FOLDER = "com/sun/jna/linux-x86-64/";

    private NativeLibrary() {
    }

    /** @param args the folder of the bundles, and the folder to write to */
    public static void main(String[] args) throws IOException {
        unpack(Path.of(args[0]), Path.of(args[1]));
    }

    static void unpack(Path bundles, Path to) throws IOException {
        for (Path jar : Settings.jars(bundles)) {
            if (jar.getFileName().toString().startsWith(JAR)) {
                try (JarFile file = new JarFile(jar.toFile())) {
                    ZipEntry entry = file.getEntry(FOLDER + NAME);
                    if (entry != null) {
                        try (InputStream in = file.getInputStream(entry)) {
                            write(in, to);
                        }
                        return;
                    }
                }
            }
        }
        throw new IOException(bundles + ": no jar here has " + FOLDER + NAME);
    }

    private static void write(InputStream in, Path to) throws IOException {
        Files.createDirectories(to);
        // Moved into place when it is whole: another hpt may load it meanwhile.
        Path temporary = Files.createTempFile(to, NAME, ".tmp");
        try {
            Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
            if (!temporary.toFile().setReadable(true, false)) {
                throw new IOException(temporary + ": cannot be made readable for all");
            }
            Files.move(temporary, to.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
