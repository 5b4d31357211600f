// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.error;

/** The step of the way from a guest's memory to an answer, in the order in which data flows. */
public enum Step {
    BACKEND("backend"),
    TRANSLATION("translation"),
    IDENTIFY("identify"),
    PROFILE("profile"),
    DECODER("decoder"),
    FRONT_END("front end"),
    COMMAND("command");

    private final String label;

    Step(String label) {
        this.label = label;
    }

    /** The step's name as messages print it. */
    public String label() {
        return label;
    }
}
