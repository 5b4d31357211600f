// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.plugins;

import java.util.List;

/**
 * A bundle as people see it.
 *
 * @param name     its symbolic name
 * @param state    {@code active}, {@code starting}, {@code stopped} or {@code unresolved}
 * @param gives    what it offers, each in words: {@code backend qemu:}, {@code command ps}
 * @param problems what it lacks, each in words
 * @param file     the file that it comes from
 */
public record Plugin(String name, String version, String state, List<String> gives, List<String> problems, String file) {
    public Plugin {
        gives = List.copyOf(gives);
        problems = List.copyOf(problems);
    }
}
