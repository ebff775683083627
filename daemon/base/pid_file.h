/*
 * daemon/base/pid_file.h: a signal to the process that a file names. The file may be stale and its number belong to
 * another process by now, so the signal is sent through a pidfd, and only to a process that was started before the file
 * was written.
 */
#ifndef DAEMON_BASE_PID_FILE_H
#define DAEMON_BASE_PID_FILE_H

struct error;

/*
 * pid_file_signal() - send a signal to the process whose number is the first line of @path
 * @signo: 0 sends none, and checks whether one could be sent
 *
 * The file has to be a regular file that only root or this program's user can write.
 * Return: 0, or -1: ERROR_NOT_FOUND (no such file), ERROR_INVALID (not such a file), ERROR_STATE (no such process, or
 * a stale file), ERROR_DENIED (a process of another user), or by errno.
 */
int
pid_file_signal(const char *path, int signo, struct error *err);

#endif
