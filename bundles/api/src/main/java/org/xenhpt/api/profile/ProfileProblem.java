// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * Something wrong in a profile's file.
 *
 * @param file    its path
 * @param line    from 1; 0 when the whole file is meant
 * @param column  from 1; 0 when the whole line is meant
 * @param message what is wrong, and what would be right
 */
public record ProfileProblem(String file, int line, int column, String message) {
    @Override
    public String toString() {
        return file + (line > 0 ? ":" + line : "") + (column > 0 ? ":" + column : "") + ": " + message;
    }
}
