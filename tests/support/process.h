/*
 * tests/support/process.h: servers and scratch directories for tests. Everything ends with the test: processes are
 * killed by the kernel when their parent dies. What cannot be had fails the test, it never skips it.
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include "common/alloc.h"

#include <sys/types.h>

/* A new directory under TMPDIR, mode 0700; owned by the caller. */
char *
scratch_new(void);

/* Removes it with all that is in it, and frees @dir. For _cleanup_. */
void
scratch_remove(char **dir);

/* Writes a file below @dir. */
void
scratch_write(const char *dir, const char *name, const char *fmt, ...) _printf_(3, 4);

/*
 * A port of 127.0.0.1 that is free for TCP and UDP. Until this process ends, no other test on this machine gets it, so
 * it may also be one where nothing listens.
 */
int
free_port(void);

/* Starts a program (found in PATH and the sbin directories); its output goes to @dir/<program>.log. */
pid_t
process_start(const char *dir, const char *const *argv);

/* Waits until something accepts TCP connections on 127.0.0.1:@port; fails the test when @pid ends before. */
void
process_wait_port(pid_t pid, int port);

/* Kills and reaps; sets *@pid to 0. For _cleanup_. */
void
process_stop(pid_t *pid);

#endif
