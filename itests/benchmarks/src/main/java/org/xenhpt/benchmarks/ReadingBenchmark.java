// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.benchmarks;

import java.util.EnumSet;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskField;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.translation.AddressSpace;

/** Warm readings of a memory image: the process list, and single words by GVA. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ReadingBenchmark {
    private static final int WORDS = 1 << 16;
    private static final TaskQuery PID_AND_NAME = new TaskQuery(false, EnumSet.of(TaskField.PID, TaskField.NAME));

    @Param({})
    private String image;

    private Session session;
    private AddressSpace space;
    private long hot;
    private final long[] random = new long[WORDS];

    /** Attaches, and chooses addresses: those in the direct map are where tasks lie, which it maps linearly. */
    @Setup
    public void attach() {
        session = Platform.attach(image);
        space = session.space();
        ProcessTable table = session.processes(PID_AND_NAME);
        System.err.println("# " + image + ": " + session.identity().release() + ", " + table.tasks().size()
                + " processes");
        Task first = table.tasks().get(0);
        hot = first.address();
        long directMap = hot - space.translate(hot);
        long size = space.memory().ranges().stream().mapToLong(range -> range.size()).sum();
        long seed = 42;
        for (int i = 0; i < WORDS;) {
            seed = seed * 6364136223846793005L + 1442695040888963407L;
            long gva = directMap + (seed >>> 1) % size & -8L;
            // Holes of the PC's first MiB and firmware's tables are not mapped.
            if (space.find(gva) == gva - directMap) {
                random[i++] = gva;
            }
        }
    }

    @TearDown
    public void close() {
        session.close();
    }

    @Benchmark
    public ProcessTable pidAndName() {
        return session.processes(PID_AND_NAME);
    }

    @Benchmark
    public ProcessTable wholeRows() {
        return session.processes(TaskQuery.PROCESSES);
    }

    @Benchmark
    @OperationsPerInvocation(WORDS)
    @OutputTimeUnit(TimeUnit.NANOSECONDS)
    public long hotWord() {
        long sum = 0;
        for (int i = 0; i < WORDS; i++) {
            sum += space.readLong(hot + (i & 0x7f8));
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(WORDS)
    @OutputTimeUnit(TimeUnit.NANOSECONDS)
    public long randomWord() {
        long sum = 0;
        for (long gva : random) {
            sum += space.readLong(gva);
        }
        return sum;
    }
}
