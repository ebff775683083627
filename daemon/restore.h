/* daemon/restore.h: certd --restore FILE: the store from a backup, while no certd runs. */
#ifndef DAEMON_RESTORE_H
#define DAEMON_RESTORE_H

#include <stdbool.h>

struct conf;
struct error;

/*
 * restore_run() - as store_restore(), with the directories and the master key of @conf; prints what was restored
 * @passphrase_file: NULL is an error
 */
int
restore_run(
	const struct conf *conf, const char *file, const char *passphrase_file, bool may_replace, struct error *err);

#endif
