// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.gogo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.felix.framework.FrameworkFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.xenhpt.api.command.Commands;
import org.xenhpt.api.command.HptCommand;

class GogoCommandsTest {
    private static final class Ps implements HptCommand {
    }

    @TempDir
    private Path storage;
    private Framework framework;
    private BundleContext context;
    private final List<List<String>> calls = new ArrayList<>();
    private int code;
    private final Commands commands = (words, in, results, messages) -> {
        calls.add(words);
        if (code != 0) {
            messages.println("hpt: reading");
            messages.println("hpt: guest: no such thing");
        }
        return code;
    };

    @BeforeEach
    void start() throws Exception {
        framework = new FrameworkFactory().newFramework(Map.of(Constants.FRAMEWORK_STORAGE, storage.toString()));
        framework.start();
        context = framework.getBundleContext();
    }

    @AfterEach
    void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    private ServiceReference<HptCommand> command(String name) throws InvalidSyntaxException {
        context.registerService(HptCommand.class, new Ps(), new Hashtable<>(Map.of("hpt.command", name)));
        return context.getServiceReferences(HptCommand.class, "(hpt.command=" + name + ")").iterator().next();
    }

    private List<Object> functions() throws InvalidSyntaxException {
        ServiceReference<?>[] found = context.getServiceReferences((String) null, "(osgi.command.scope=hpt)");
        return found == null ? List.of() : Stream.of(found).map(each -> each.getProperty("osgi.command.function")).toList();
    }

    @Test
    void gogosCommandsComeAndGoWithThose() throws Exception {
        GogoCommands gogo = new GogoCommands(context, commands);
        ServiceReference<HptCommand> ps = command("ps");
        ServiceReference<HptCommand> tree = command("tree");
        gogo.add(ps);
        gogo.add(tree);
        assertThat(functions()).containsExactlyInAnyOrder("ps", "tree");
        gogo.remove(ps);
        assertThat(functions()).containsExactly("tree");
        gogo.end();
        assertThat(functions()).isEmpty();
        gogo.remove(tree);
        gogo.add(ps);
        assertThat(functions()).isEmpty();
    }

    @Test
    void theWordsArePassedOnAndAFailureIsSeen() throws Exception {
        GogoCommand ps = new GogoCommand("ps", commands);
        ps._main(new Object[] {"ps", "file:/a b.elf", "--json"});
        ps._main(new Object[] {"ps"});
        assertThat(calls).containsExactly(List.of("ps", "file:/a b.elf", "--json"), List.of("ps"));
        code = 4;
        assertThatThrownBy(() -> ps._main(new Object[] {"ps"})).hasMessage("hpt ps ended with exit code 4: hpt: guest: no such thing");
    }
}
