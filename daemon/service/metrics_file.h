/*
 * daemon/service/metrics_file.h: the metrics as a file, for the textfile collector of node_exporter. Written after
 * events, but not more often than every @interval_sec, and at least every hour, so that its age shows whether certd
 * runs. Each version replaces the one before at once; the write itself is done by a worker.
 */
#ifndef DAEMON_SERVICE_METRICS_FILE_H
#define DAEMON_SERVICE_METRICS_FILE_H

#include <stdint.h>

struct metrics_file;
struct service;

/* @path: copied, absolute. @service: borrowed; its workers write, its metrics_warning says what fails. */
struct metrics_file *
metrics_file_new(struct service *service, const char *path, int64_t interval_sec);

/* After slices_stop(), before the workers end. NULL is a no-op. */
void
metrics_file_free(struct metrics_file *file);

#endif
