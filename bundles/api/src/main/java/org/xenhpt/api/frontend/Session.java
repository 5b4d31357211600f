// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.frontend;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * A guest that was attached to. Safe for use by several threads, which then wait for each other.
 *
 * <p>It outlives what it was made with. Before each reading it looks whether profiles, decoders, the backend or whatever
 * else it rests on came, changed or went, and goes over to what is the best now; {@link #news()} tells. Where nothing takes
 * the place of what went, the reading fails and says what is missing, and the next one looks again.
 *
 * <p>A reading waits for bundles for a limited time: see {@link FrontEnd}.
 */
@ProviderType
public interface Session extends AutoCloseable {
    Guest guest();

    KernelIdentity identity();

    /** The kernel's own address space. */
    AddressSpace space();

    /** The kernel with its profile; empty when no source knows it. */
    Optional<Kernel> kernel();

    /** The decoder in use; empty when none fits. */
    Optional<String> decoder();

    /** Why there is no profile or no decoder; empty when the session can list processes. */
    Optional<HptException> problem();

    /** All that was found out, and how, in the order in which it was found. */
    List<Finding> findings();

    /** The sources of knowledge that were tried, in order, and what came of each; the kernel itself first. */
    default List<Attempt> ladder() {
        return List.of();
    }

    /** How sure the kernel's layout is, from 0 to 1; 0 when there is none. */
    default double confidence() {
        return kernel().map(kernel -> kernel.profile().origin().confidence()).orElse(0.0);
    }

    /**
     * What happened to the guest since this was last asked, for people: that it rebooted, or runs another kernel, which
     * the session has then identified anew; that it went back to a snapshot of the same boot; that it is read by another
     * profile, decoder or backend from now on.
     */
    default List<String> news() {
        return List.of();
    }

    /**
     * Goes over to what is the best now, as each reading does first: what the other methods tell is then up to date.
     *
     * @throws HptException as {@link #processes}
     */
    default void refresh() {
    }

    /**
     * @throws HptException {@link #problem()} when there is one; {@code GUEST_GONE}; {@code MEMORY_FAULT};
     *                      {@code NOT_UP} when the guest was started again and its kernel is not up yet;
     *                      {@code PLUGIN_FAILED} when a bundle threw something else or did not answer in time;
     *                      {@code TAKEN_AWAY} when a bundle that it rests on was removed, and when this was closed because
     *                      its user's bundle or the front end stopped
     */
    ProcessTable processes(TaskQuery query);

    /**
     * @param registers whether to read the vCPUs' registers, which may stop each for a moment
     * @throws HptException as {@link #processes}
     */
    List<CurrentTask> current(boolean registers);

    /**
     * The way from a vCPU's registers to its task, and back. Reads the registers of that vCPU, which may stop it for a
     * moment; where there are none, memory alone.
     *
     * @param vcpu its number, from 0
     * @throws HptException {@code USAGE} when the guest has no such vCPU; as {@link #processes}
     */
    Location locate(int vcpu);

    /**
     * A profile of the guest's kernel, made now: of what its memory tells, not of what people put into a folder or what
     * was learnt before.
     *
     * @param also what is wanted besides what the decoders need; not every source can tell it
     * @throws HptException {@code NO_PROFILE} when no source can make one; as {@link #processes}
     */
    Profile learn(Needs also, Progress progress);

    /** Gives the guest back. */
    @Override
    void close();
}
