// SPDX-License-Identifier: Apache-2.0
package ${package}.decoder;

import java.util.List;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;

/** Another reader, with one more member read of each task. */
final class MyTaskReader implements TaskReader {
    /** In the kernel, nice values -20 to 19 are 100 to 139. */
    static final String MEMBER = "static_prio";
    private static final int NICE_0 = 120;

    private final AddressSpace space;
    private final TaskReader plain;
    private final Field member;

    MyTaskReader(Kernel kernel, AddressSpace space, TaskReader plain) {
        this.space = space;
        this.plain = plain;
        this.member = new Layouts(kernel).get("task_struct", MEMBER);
    }

    @Override
    public ProcessTable read(TaskQuery query) {
        ProcessTable table = plain.read(query);
        List<Task> tasks = table.tasks().stream().map(this::shown).toList();
        return new ProcessTable(tasks, table.gaps(), table.readings(), table.bootEpochNanos());
    }

    private Task shown(Task task) {
        if (task.name().isEmpty()) {
            // Names were not asked for.
            return task;
        }
        try {
            String name = task.name() + " (nice " + (member.signed(space, task.address()) - NICE_0) + ")";
            return new Task(task.address(), task.pid(), task.tgid(), task.ppid(), task.state(), task.uid(), task.gid(),
                    task.startNanos(), task.cpuNanos(), name, task.kernel());
        } catch (MemoryFault fault) {
            // A live guest's task may have ended meanwhile.
            return task;
        }
    }

    @Override
    public List<CurrentTask> current(List<VcpuRegisters> registers) {
        return plain.current(registers);
    }

    @Override
    public Location locate(VcpuRegisters registers) {
        return plain.locate(registers);
    }

    @Override
    public void close() {
        plain.close();
    }
}
