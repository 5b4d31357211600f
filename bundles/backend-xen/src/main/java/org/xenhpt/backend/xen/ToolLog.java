// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where Xen's libraries write their messages: into memory instead of to standard error, so that an error can tell them.
 * A logger of {@code libxentoollog}, whose interface is stable, that writes to a stream of C's own.
 */
final class ToolLog implements AutoCloseable {
    private static final String LIBRARY = "libxentoollog.so.1";
    private static final int SIZE = 2048;
    /** {@code XTL_WARN}. */
    private static final int LEVEL = 7;
    private static final Logger LOG = LoggerFactory.getLogger(ToolLog.class);

    /** Of a stream that is not there. */
    private static final Pointer NONE = Pointer.NULL;

    private final Memory text = new Memory(SIZE);
    private Pointer stream = NONE;
    private Pointer logger = NONE;

    private ToolLog() {
        text.clear();
    }

    /** Without the library, which libxenctrl itself needs, messages go where they always went. */
    static ToolLog open() {
        ToolLog log = new ToolLog();
        try {
            NativeLibrary library = NativeLibrary.getInstance(LIBRARY);
            // One byte less than there is, so that there always is a NUL at the end.
            log.stream = c("fmemopen").invokePointer(new Object[] {log.text, (long) SIZE - 1, "w"});
            if (log.stream != null) {
                log.logger = library.getFunction("xtl_createlogger_stdiostream")
                        .invokePointer(new Object[] {log.stream, LEVEL, 0});
            }
        } catch (UnsatisfiedLinkError e) {
            LOG.debug("messages of Xen's libraries go to standard error: {}", e.toString());
        }
        return log;
    }

    private static Function c(String name) {
        return Function.getFunction("c", name);
    }

    /** What {@code xc_interface_open} and its like take; NULL for their own. */
    Pointer logger() {
        return logger;
    }

    /** What was said since the last time, on one line; empty when nothing was. */
    String take() {
        if (stream == null) {
            return "";
        }
        c("fflush").invokeInt(new Object[] {stream});
        String said = text.getString(0, StandardCharsets.UTF_8.name());
        c("rewind").invokeVoid(new Object[] {stream});
        text.clear();
        return oneLine(said);
    }

    static String oneLine(String said) {
        List<String> lines = said.lines().map(line -> line.replaceFirst("^(xc|xenforeignmemory|xencall): error: ", ""))
                .map(String::strip).filter(line -> !line.isEmpty()).distinct().toList();
        return lines.stream().collect(Collectors.joining("; "));
    }

    @Override
    public void close() {
        if (logger != null) {
            NativeLibrary.getInstance(LIBRARY).getFunction("xtl_logger_destroy").invokeVoid(new Object[] {logger});
            logger = NONE;
        }
        if (stream != null) {
            c("fclose").invokeInt(new Object[] {stream});
            stream = NONE;
        }
    }
}
