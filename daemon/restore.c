/* The command line around store_restore(). */
#include "daemon/restore.h"

#include "common/alloc.h"
#include "common/conf.h"
#include "common/crypto/sealed.h"
#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/master_key.h"
#include "daemon/store/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
restore_print(const struct conf *conf, const char *file, const struct store_backup_info *info, const char *kept,
	bool is_key_beside)
{
	char created[TIME_RFC3339_SIZE];

	time_format_rfc3339(info->created_at, created);
	printf("restored '%s' of %s into '%s/store': %llu providers, %llu auto-certificates, %llu certificates\n", file,
		created, conf->state_dir, (unsigned long long)info->records[STORE_PROVIDER],
		(unsigned long long)info->records[STORE_AUTOCERT],
		(unsigned long long)info->records[STORE_CERTIFICATE]);
	if (is_key_beside)
		printf("its secrets are sealed with the master key '%s/master-key'\n", conf->state_dir);
	if (info->damaged)
		printf("damaged records, which were damaged when the backup was made: %llu\n",
			(unsigned long long)info->damaged);
	if (kept)
		printf("the former data file is kept as '%s'\n", kept);
}

static int
restore_from(const struct conf *conf, int fd, const char *file, const struct secret *passphrase, bool may_replace,
	struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_free_ char *dir = xasprintf("%s/store", conf->state_dir);
	_cleanup_free_ char *kept = NULL;
	struct store_backup_info info;
	bool is_key_beside;

	if (mkdir(conf->state_dir, 0711) == 0 && chmod(conf->state_dir, 0711) < 0)
		return error_set_errno(err, errno, "create '%s'", conf->state_dir);
	if (master_key_get(conf, &key, &is_key_beside, err) < 0 ||
		store_restore(dir, fd, passphrase, &key, may_replace, &info, &kept, err) < 0)
		return -1;
	restore_print(conf, file, &info, kept, is_key_beside);
	if (fflush(stdout) != 0)
		return error_set_errno(err, errno, "write to standard output");
	return 0;
}

int
restore_run(const struct conf *conf, const char *file, const char *passphrase_file, bool may_replace, struct error *err)
{
	_cleanup_secret_ struct secret passphrase = SECRET_INIT;
	int fd, rc;

	if (!passphrase_file)
		return error_set(err, ERROR_USAGE, "--restore: a passphrase is required: --passphrase-file FILE");
	if (secret_read_file(&passphrase, passphrase_file, SEALED_PASSPHRASE_MAX, true, err) < 0)
		return -1;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", file);
	rc = restore_from(conf, fd, file, &passphrase, may_replace, err);
	close(fd);
	return rc < 0 ? error_wrap(err, "restore '%s'", file) : 0;
}
