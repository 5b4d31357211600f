// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.command;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * A command of {@code hpt}: a picocli object, that is a class with picocli's {@code @Command} annotation, that implements
 * {@code Callable<Integer>} (the exit code) and this. An OSGi service, of prototype scope so that each call has an object of
 * its own. It writes results to picocli's {@code commandSpec().commandLine().getOut()} and throws
 * {@link org.xenhpt.api.error.HptException}.
 */
@ConsumerType
public interface HptCommand {
}
