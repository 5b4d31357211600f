// SPDX-License-Identifier: Apache-2.0
/*
 * init - everything that runs inside a test guest: a known tree of processes, and a lister
 * which tells over the second serial port what the guest's own /proc says of them.
 *
 * The kernel's command line chooses more:
 *   hpt.procs=N   N more sleeping processes
 *   hpt.threads=N N more sleeping threads in one process
 *   hpt.spin      one thread pinned to each vCPU that never leaves user mode by itself
 *   hpt.churn     processes that are made and end, for ever
 *   hpt.pause=MS  the counter's pause in milliseconds, 20 without it
 *   hpt.sample    instead of all that, a small server as people know them
 *   hpt.port=DEV  the lister's device; without it ttyS1. Where it is the console too, as the hvc0 of a guest
 *                 without serial ports, the kernel is told to keep its messages from it
 *   hpt.crash     a crash kernel is loaded, /crash/vmlinuz with /crash/initrd, to run when this one panics
 *   hpt.count     the sample and a loop that counts; how far it is, and the longest stretch in which it did
 *                 not get on, is printed on the console each second (needs no second port)
 *
 * Protocol on that device, a line each way (by default the second port, for the kernel's messages would tear
 * lines on the first):
 *   guest  READY                       each second, until the first request
 *   host   L<n>                        asks for a list
 *   guest  LIST-BEGIN <n> <monotonic ns> <clock ticks a second>
 *          <tid> <pid> <ppid> <state> <euid> <start ticks> <cpu ticks> <switches> <name in hex, or ->
 *          LIST-END <n> <lines>
 *          where <switches> counts how often the task was switched away from: while it stays the same
 *          the task did not run
 *   host   C<n>                        asks for the counter
 *   guest  COUNT <n> <counter> <monotonic ns>
 *   host   K<n>                        asks where the kernel lies, and what it calls itself
 *   guest  KERNEL <n> <GVA of _text> <first GPA of its code>-<last GPA> <all of /proc/version>
 *   host   H<n>                        begins what hpt.churn begins at boot
 *   guest  CHURNING <n>
 *   host   S                           begins hpt.spin's spinning
 *   guest  SPINNING <threads>
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What all processes share. */
struct shared {
    int up;               /* tasks that have their name and do what they are for, or are about to */
    int spin;             /* set to let hpt.spin's threads begin */
    int spinning;         /* those that did */
    unsigned long count;  /* the counter's */
    int attach;           /* set when traced() may be attached to */
    long long gap;        /* the longest one of the counting loop, in ns, since it was last printed */
};
static struct shared *shared;
static int expected;      /* value of shared->up when the tree is whole */

static void die(const char *what) {
    fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
    for (;;) sleep(1000);
}

static void nap(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, 0);
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void name(const char *n) { prctl(PR_SET_NAME, n); }
static void up(void) { __atomic_add_fetch(&shared->up, 1, __ATOMIC_SEQ_CST); }
static void idle(void) { for (;;) pause(); }

/* Marks this task as up and sleeps for ever, in state S. */
static void stay(const char *n) {
    name(n);
    up();
    idle();
}

/* Forks; the parent gets the child's pid and counts `tasks` more to wait for. */
static pid_t child(int tasks) {
    pid_t p = fork();
    if (p < 0) die("fork");
    if (p > 0) expected += tasks;
    return p;
}

static ssize_t slurp(const char *path, char *to, size_t size);

/* What /proc says of a task, or 0 when there is none. */
static char state(int tid) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    char *close = slurp(path, text, sizeof text) > 0 ? strrchr(text, ')') : 0;
    return close ? close[2] : 0;
}

/* Nobody can say of itself that it has stopped or ended: whoever is up only then is waited for by another. */
static void await(int tid, char wanted) {
    for (char s; (s = state(tid)) != wanted; nap(5))
        if (!s) die("it is gone");
}

/* ------------------------------------------------------------------ the known tree */

static void plain(const char *n) {
    if (child(1) == 0) stay(n);
}

static void as_user(const char *n, uid_t real, uid_t effective) {
    if (child(1) == 0) {
        if (setresuid(real, effective, effective)) die("setresuid");
        stay(n);
    }
}

static void family(const char *parent, const char *children, int n) {
    if (child(1 + n) == 0) {
        for (int i = 0; i < n; i++)
            if (fork() == 0) {
                char c[16];
                snprintf(c, sizeof c, "%s%d", children, i);
                stay(c);
            }
        stay(parent);
    }
}

static void *named_thread(void *n) {
    stay(n);
    return 0;
}

static void thread(void *(*body)(void *), void *arg) {
    pthread_t t;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 65536);
    int e = pthread_create(&t, &a, body, arg);
    if (e) { errno = e; die("pthread_create"); }
}

/* A child of a thread that is not its group's leader: its ppid is still the group's pid. */
static void *forking_thread(void *n) {
    if (fork() == 0) stay("thread's child");
    stay(n);
    return 0;
}

static void threaded(void) {
    if (child(6) == 0) {
        thread(named_thread, "GC Thread#0");
        thread(named_thread, "GC Thread#1");
        thread(named_thread, "VM Periodic Tas");
        thread(forking_thread, "forker");
        stay("java");
    }
}

/* The leader ended, a thread of it lives on: the process is a zombie that runs. */
static void leaderless(void) {
    pid_t p = child(2);
    if (p == 0) {
        thread(named_thread, "survivor");
        name("dead leader");
        up();
        pthread_exit(0);
    }
    await(p, 'Z');
}

static void zombie(const char *n, const char *parent, int code) {
    if (child(2) == 0) {
        pid_t p = fork();
        if (p == 0) { name(n); up(); _exit(code); }
        await(p, 'Z');
        stay(parent);
    }
}

static void stopped(void) {
    pid_t p = child(1);
    if (p == 0) { name("stopped"); up(); raise(SIGSTOP); idle(); }
    await(p, 'T');
}

/* A vfork's parent waits in state D until its child execs or ends, and this one never does. */
static void uninterruptible(void) {
    pid_t p = child(2);
    if (p == 0) {
        name("vfork parent");
        up();
        if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0) stay("vfork child");
        idle();
    }
    await(p, 'D');
}

/* A traced process has its tracer for parent inside the kernel, but not for ppid. */
static void traced(void) {
    pid_t p = child(1);
    if (p == 0) {
        name("traced");
        up();
        __atomic_store_n(&shared->attach, 1, __ATOMIC_SEQ_CST);
        idle();
    }
    if (child(1) == 0) {
        /* Stopped any sooner, it could not say that it is up. */
        while (!__atomic_load_n(&shared->attach, __ATOMIC_SEQ_CST)) nap(5);
        if (ptrace(PTRACE_ATTACH, p, 0, 0)) die("ptrace");
        waitpid(p, 0, __WALL);
        stay("tracer");
    }
}

/* Its parent ended: init is its parent now. */
static void orphan(void) {
    expected++;
    pid_t p = fork();
    if (p == 0) {
        if (fork() == 0) stay("orphan");
        _exit(0);
    }
    waitpid(p, 0, 0);
}

/* In a pid namespace of its own: pid 1 there, an ordinary one outside. */
static void container(void) {
    if (child(3) == 0) {
        if (unshare(CLONE_NEWPID)) die("unshare");
        if (fork() == 0) {
            if (fork() == 0) stay("inside");
            stay("container init");
        }
        stay("container");
    }
}

/* Counts, and so proves that the guest goes on. */
static void counter(long pause) {
    if (child(1) == 0) {
        name("counter");
        up();
        for (;;) {
            __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST);
            nap(pause);
        }
    }
}

static void tree(long pause) {
    plain("syslogd");
    plain("cron");
    plain("exactly15chars_");
    family("sshd", "sshd-session-", 2);
    family("postgres", "pg: writer ", 3);
    as_user("dbus-daemon", 101, 101);
    as_user("www-data", 33, 33);
    as_user("su", 1000, 0);
    as_user("big uid", 3000000000u, 3000000000u);
    threaded();
    leaderless();
    zombie("zombie", "zombie's parent", 3);
    stopped();
    uninterruptible();
    traced();
    orphan();
    container();
    counter(pause);
    plain(" name  with spaces ");
    plain("(parens) (odd");
    plain(") S 1 2 3");
    plain("\xe6\x97\xa5\xe6\x9c\xac\xc3\xa9\xe2\x82\xac");        /* UTF-8 of 2 and 3 bytes a character */
    plain("\xf0\x9f\x90\xa7 linux");                                /* and of 4 */
    plain("cut \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5");  /* the kernel cuts it inside a character */
    plain("bad \xff\xfe\x80 utf8");
    plain("ctl\n\t\r\x1b[31m\x7f\x01");
    plain("c1 \xc2\x9b" "31m");                                    /* CSI, as one control character */
    plain("back\\slash");
    plain("\"quo\"te',;=+@");
    plain("");
}

/* The sample image's: nothing odd, so that a newcomer recognises it. */
static void sample_tree(void) {
    plain("syslogd");
    plain("cron");
    as_user("dbus-daemon", 101, 101);
    if (child(4) == 0) {
        if (fork() == 0) {
            if (fork() == 0) {
                if (setresuid(1000, 1000, 1000)) die("setresuid");
                if (fork() == 0) stay("vim");
                stay("bash");
            }
            stay("sshd-session");
        }
        stay("sshd");
    }
    if (child(3) == 0) {
        for (int i = 0; i < 2; i++)
            if (fork() == 0) {
                if (setresuid(33, 33, 33)) die("setresuid");
                stay("nginx");
            }
        stay("nginx");
    }
    if (child(4) == 0) {
        if (setresuid(1001, 1001, 1001)) die("setresuid");
        thread(named_thread, "GC Thread#0");
        thread(named_thread, "C2 CompilerThre");
        thread(named_thread, "http-nio-8080-A");
        stay("java");
    }
    if (child(2) == 0) {
        if (unshare(CLONE_NEWPID)) die("unshare");
        if (fork() == 0) {
            if (setresuid(999, 999, 999)) die("setresuid");
            stay("redis-server");
        }
        stay("containerd-shim");
    }
    zombie("gzip", "backup.sh", 1);
}

static void *spinner(void *arg) {
    long cpu = (long)arg;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    char n[16];
    snprintf(n, sizeof n, "spin%ld", cpu);
    name(n);
    up();
    /* Until then it sleeps, so that the first list is made at full speed. */
    while (!__atomic_load_n(&shared->spin, __ATOMIC_SEQ_CST)) nap(50);
    __atomic_add_fetch(&shared->spinning, 1, __ATOMIC_SEQ_CST);
    for (volatile unsigned long n = 0;; n++) { }
    return 0;
}

static long cpus;

static void spinners(void) {
    if (child(1 + cpus) == 0) {
        /* Nice, so that the lister gets a vCPU at once when it is asked. */
        if (nice(19) == -1 && errno) die("nice");
        for (long c = 0; c < cpus; c++) thread(spinner, (void *)c);
        stay("spinners");
    }
}

static void churn(void) {
    if (child(1) == 0) {
        name("churn");
        up();
        /* Nice, so that on a slow machine the lister still gets its share. */
        if (nice(10) == -1 && errno) die("nice");
        for (unsigned i = 0;; i++) {
            if (fork() == 0) {
                char n[16];
                snprintf(n, sizeof n, "brief%u", i % 100000);
                name(n);
                if (fork() == 0) { nap(i % 7); _exit(0); }
                nap(i % 5);
                _exit(0);   /* its own child may be orphaned: init reaps it */
            }
            while (waitpid(-1, 0, i % 4 == 0 ? 0 : WNOHANG) > 0) { }
            nap(2);
        }
    }
}

/* ------------------------------------------------------------------ hpt.count */

/* For benchmarks: what a stop of the vCPU, or memory that is slower, takes from the loop is missing from its count. */
static void counting(void) {
    enum { ROUNDS = 10000 };
    sample_tree();
    if (child(1) == 0) {
        name("counting loop");
        up();
        for (long long last = now(), then;; last = then) {
            for (volatile unsigned n = 0; n < ROUNDS; n++) { }
            __atomic_add_fetch(&shared->count, ROUNDS, __ATOMIC_SEQ_CST);
            then = now();
            if (then - last > __atomic_load_n(&shared->gap, __ATOMIC_SEQ_CST))
                __atomic_store_n(&shared->gap, then - last, __ATOMIC_SEQ_CST);
        }
    }
    while (__atomic_load_n(&shared->up, __ATOMIC_SEQ_CST) < expected) nap(20);
    for (;;) {
        nap(1000);
        printf("COUNT %lld %lu %lld\n", now(), __atomic_load_n(&shared->count, __ATOMIC_SEQ_CST),
               __atomic_exchange_n(&shared->gap, 0, __ATOMIC_SEQ_CST));
        fflush(stdout);
    }
}

static long option(const char *cmdline, const char *key) {
    const char *p = cmdline;
    size_t n = strlen(key);
    while ((p = strstr(p, key))) {
        if ((p == cmdline || p[-1] == ' ') && strchr(" =\n", p[n]))
            return p[n] == '=' ? strtol(p + n + 1, 0, 10) : 1;
        p += n;
    }
    return 0;
}

/* The device that hpt.port names, or ttyS1. */
static void port(const char *cmdline, char *path, size_t size) {
    const char *p = strstr(cmdline, "hpt.port=");
    int n = p ? (int)strcspn(p + 9, " \n") : 0;
    snprintf(path, size, "/dev/%.*s", n ? n : 5, n ? p + 9 : "ttyS1");
}

/* ------------------------------------------------------------------ the lister */

static char *out;
static size_t used, room;

static void emit(const char *format, ...) {
    if (room - used < 1024) {
        room = room ? 2 * room : 1 << 16;
        out = realloc(out, room);
        if (!out) die("realloc");
    }
    va_list a;
    va_start(a, format);
    used += vsnprintf(out + used, room - used, format, a);
    va_end(a);
}

static void flush(int fd) {
    for (size_t done = 0; done < used; ) {
        ssize_t n = write(fd, out + done, used - done);
        if (n < 0 && errno != EINTR && errno != EAGAIN) die("write");
        if (n > 0) done += n;
    }
    used = 0;
}

static ssize_t slurp(const char *path, char *to, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = 0, r;
    while ((size_t)n < size - 1 && (r = read(fd, to + n, size - 1 - n)) > 0) n += r;
    close(fd);
    to[n] = 0;
    return n;
}

/* One line for a task; none when it ended meanwhile. */
static int list_task(int pid, int tid) {
    char path[64], text[4096], comm[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
    ssize_t length = slurp(path, comm, sizeof comm);
    if (length < 1) return 0;
    length--;   /* the newline that /proc adds */

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    if (slurp(path, text, sizeof text) < 1) return 0;
    char state;
    int ppid;
    unsigned long utime, stime;
    unsigned long long start;
    char *close = strrchr(text, ')');
    if (!close || sscanf(close + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu",
                         &state, &ppid, &utime, &stime, &start) != 5) return 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    if (slurp(path, text, sizeof text) < 1) return 0;
    unsigned euid;
    char *uids = strstr(text, "\nUid:");
    unsigned long voluntary, forced;
    char *switches = strstr(text, "\nvoluntary_ctxt_switches:");
    if (!uids || sscanf(uids + 5, "%*u %u", &euid) != 1) return 0;
    if (!switches || sscanf(switches, "\nvoluntary_ctxt_switches: %lu nonvoluntary_ctxt_switches: %lu",
                            &voluntary, &forced) != 2) return 0;

    emit("%d %d %d %c %u %llu %lu %lu ", tid, pid, ppid, state, euid, start, utime + stime, voluntary + forced);
    for (ssize_t i = 0; i < length; i++) emit("%02x", (unsigned char)comm[i]);
    emit(length ? "\n" : "-\n");
    return 1;
}

static int numbers(const char *path, int **list) {
    int n = 0, size = 0;
    struct dirent *e;
    DIR *d = opendir(path);
    *list = 0;
    if (!d) return 0;
    while ((e = readdir(d))) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9') continue;
        if (n == size) {
            size = size ? 2 * size : 64;
            *list = realloc(*list, size * sizeof **list);
            if (!*list) die("realloc");
        }
        (*list)[n++] = atoi(e->d_name);
    }
    closedir(d);
    return n;
}

/* Waits until each task has slept: all say that they are up shortly before, and a vCPU may be long in coming back. */
static void settle(void) {
    int *pids, *tids;
    char path[64];
    int n = numbers("/proc", &pids);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
        int m = numbers(path, &tids);
        for (int j = 0; j < m; j++)
            while (tids[j] != getpid() && state(tids[j]) == 'R') nap(5);
        free(tids);
    }
    free(pids);
}

static void list(int fd, const char *id) {
    int *pids, *tids, lines = 0;
    char path[64];
    emit("LIST-BEGIN %s %lld %ld\n", id, now(), sysconf(_SC_CLK_TCK));
    int n = numbers("/proc", &pids);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
        int m = numbers(path, &tids);
        for (int j = 0; j < m; j++) lines += list_task(pids[i], tids[j]);
        free(tids);
    }
    free(pids);
    emit("LIST-END %s %d\n", id, lines);
    flush(fd);
}

static void kernel(int fd, const char *id) {
    static char text[1 << 16];
    char version[1024], symbol[128], address[32] = "?";
    FILE *f = fopen("/proc/kallsyms", "re");
    while (f && fgets(text, sizeof text, f))
        if (sscanf(text, "%31s %*c %127s", address, symbol) == 2 && !strcmp(symbol, "_text")) break;
    if (f) fclose(f);
    slurp("/proc/iomem", text, sizeof text);
    char *end = strstr(text, " : Kernel code"), *start = end;
    while (start && start > text && start[-1] != ' ' && start[-1] != '\n') start--;
    slurp("/proc/version", version, sizeof version);
    emit("KERNEL %s %s %.*s %s", id, address, start ? (int)(end - start) : 1, start ? start : "?", version);
    flush(fd);
}

static void request(int fd, char *line) {
    switch (line[0]) {
    case 'L': list(fd, line + 1); break;
    case 'C':
        emit("COUNT %s %lu %lld\n", line + 1, __atomic_load_n(&shared->count, __ATOMIC_SEQ_CST), now());
        flush(fd);
        break;
    case 'K': kernel(fd, line + 1); break;
    case 'H':
        churn();
        emit("CHURNING %s\n", line + 1);
        flush(fd);
        break;
    case 'S':
        __atomic_store_n(&shared->spin, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&shared->spinning, __ATOMIC_SEQ_CST) < cpus) nap(10);
        emit("SPINNING %ld\n", cpus);
        flush(fd);
        break;
    default: break;   /* noise on the line */
    }
}

static void lister(int fd) {
    char line[64];
    size_t n = 0;
    int asked = 0;
    name("lister");
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, asked ? -1 : 1000) == 0) {
            emit("READY\n");
            flush(fd);
            continue;
        }
        char c;
        if (read(fd, &c, 1) != 1) { nap(100); continue; }
        if (c == '\r' || c == '\n') {
            line[n] = 0;
            if (n > 0) { asked = 1; request(fd, line); }
            n = 0;
        } else if (n < sizeof line - 1) {
            line[n++] = c;
        }
    }
}

/* ------------------------------------------------------------------ pid 1 */

/* There when the guest is to hand its VMCOREINFO to QEMU. */
static void load_module(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (syscall(SYS_finit_module, fd, "", 0)) die(path);
    close(fd);
}

/* Flags of kexec_file_load(2). */
#define ON_CRASH 2

static void crash_kernel(void) {
#ifdef SYS_kexec_file_load
    static const char cmdline[] = "console=ttyS0 quiet panic=-1 irqpoll nr_cpus=1 reset_devices";
    int kernel = open("/crash/vmlinuz", O_RDONLY | O_CLOEXEC), initrd = open("/crash/initrd", O_RDONLY | O_CLOEXEC);
    if (kernel < 0 || initrd < 0) die("/crash");
    if (syscall(SYS_kexec_file_load, kernel, initrd, sizeof cmdline, cmdline, ON_CRASH)) die("kexec_file_load");
    close(kernel);
    close(initrd);
#else
    die("i386 has no kexec_file_load");
#endif
}

int main(void) {
    char cmdline[4096] = "", device[64];
    if (mount("proc", "/proc", "proc", 0, 0)) die("mount /proc");
    /* Without CONFIG_DEVTMPFS there is no device yet, and the port is all that is needed. */
    if (mount("dev", "/dev", "devtmpfs", 0, 0) && errno != EBUSY
        && mknod("/dev/ttyS1", S_IFCHR | 0600, makedev(4, 65)) && errno != EEXIST) die("mount /dev");
    slurp("/proc/cmdline", cmdline, sizeof cmdline);
    port(cmdline, device, sizeof device);
    load_module("/qemu_fw_cfg.ko");
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) die("mmap");
    if (option(cmdline, "hpt.count")) counting();
    if (option(cmdline, "hpt.crash")) crash_kernel();

    int fd = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) die(device);
    char console[80];
    snprintf(console, sizeof console, "console=%s", device + 5);
    /* Of what comes after this, only a panic is shown. */
    if (strstr(cmdline, console) && klogctl(8, 0, 1)) die("klogctl");
    struct termios t;
    if (tcgetattr(fd, &t)) die("tcgetattr");
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    if (tcsetattr(fd, TCSANOW, &t)) die("tcsetattr");

    long n = option(cmdline, "hpt.pause");
    if (option(cmdline, "hpt.sample")) sample_tree(); else tree(n ? n : 20);
    n = option(cmdline, "hpt.procs");
    for (long i = 0; i < n; i++) {
        char c[16];
        snprintf(c, sizeof c, "sleeper%ld", i);
        plain(c);
    }
    n = option(cmdline, "hpt.threads");
    if (n > 0 && child(1 + n) == 0) {
        for (long i = 0; i < n; i++) thread(named_thread, "one of many");
        stay("many threads");
    }
    if (option(cmdline, "hpt.spin")) spinners();
    if (option(cmdline, "hpt.churn")) churn();

    while (__atomic_load_n(&shared->up, __ATOMIC_SEQ_CST) < expected) nap(20);
    settle();
    printf("init: the tree is up: %d tasks\n", expected);
    fflush(stdout);
    if (fork() == 0) lister(fd);
    close(fd);
    for (;;) wait(0);
}
