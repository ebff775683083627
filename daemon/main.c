/*
 * certd: command line and process set-up; all other code is in libcertd. Usage and configuration errors are one line on
 * stderr and exit status 64 or 78, as in sysexits(3).
 */
#include "common/api/event_catalog.h"
#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/printable.h"
#include "daemon/base/signer.h"
#include "daemon/certd.h"
#include "daemon/restore.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_PATH_DEFAULT SYSCONFDIR "/certd/certd.conf"

enum { STATUS_DAMAGED = 65 /* EX_DATAERR */ };
enum { ARGUMENT_SHOWN = 200 };
enum {
	OPT_STATE = 256,
	OPT_RUNTIME,
	OPT_CONFIG,
	OPT_HELP_CONFIG,
	OPT_HELP_EVENTS,
	OPT_DEBUGGER,
	OPT_RESTORE,
	OPT_PASSPHRASE_FILE,
	OPT_FORCE,
	OPT_SIGN
};

static const struct option options[] = {
	{ "foreground", no_argument, NULL, 'f' },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "runtime", required_argument, NULL, OPT_RUNTIME },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "restore", required_argument, NULL, OPT_RESTORE },
	{ "passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help-config", no_argument, NULL, OPT_HELP_CONFIG },
	{ "help-events", no_argument, NULL, OPT_HELP_EVENTS },
	{ "allow-debugger", no_argument, NULL, OPT_DEBUGGER },
	{ "sign", no_argument, NULL, OPT_SIGN },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char usage[] =
	"usage: certd [--foreground] [--state DIR] [--runtime DIR] [--config FILE]\n"
	"       certd --restore FILE --passphrase-file FILE [--force] [--state DIR] [--config FILE]\n"
	"\n"
	"  --foreground       stay in the foreground (always the case; for clarity in scripts)\n"
	"  --state DIR        directory of the store and the deployed files (" LOCALSTATEDIR "/lib/certd)\n"
	"  --runtime DIR      directory of the sockets (" RUNSTATEDIR "/certd)\n"
	"  --config FILE      configuration file (" CONF_PATH_DEFAULT ", if it exists)\n"
	"  --restore FILE     make the store from a backup (certctl backup), and exit; no certd may run\n"
	"  --passphrase-file FILE\n"
	"                     passphrase of the backup\n"
	"  --force            replace a store with objects; its data file is kept\n"
	"  --help-config      list all options of the configuration file\n"
	"  --help-events      list all events and what to do, as a catalogue for journalctl -x\n"
	"  --allow-debugger   let strace and gdb attach; processes of this user can then read private keys\n"
	"  --sign             used by certd itself, for keys in PKCS#11 tokens\n"
	"  --help, --version\n"
	"\n"
	"certctl(1) controls certd. See certd(8) and certd.conf(5).\n";

struct arguments {
	const char *state;
	const char *runtime;
	const char *config;
	const char *restore; /* a backup; NULL: run */
	const char *passphrase_file;
	bool may_replace;
	bool may_debug;
};

static int
print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? 74 : 0;
}

static int
print_help_config(void)
{
	_cleanup_buf_ struct buf help = BUF_INIT;

	conf_help(&help);
	return print(buf_str(&help));
}

static int
print_help_events(void)
{
	_cleanup_buf_ struct buf help = BUF_INIT;

	event_catalog(&help);
	return print(buf_str(&help));
}

/* Return: -1 to continue, or the exit status. */
static int
main_parse(int argc, char **argv, struct arguments *ret)
{
	char *argument;
	int opt;

	while ((opt = getopt_long(argc, argv, "fhV", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			break;
		case OPT_STATE:
			ret->state = optarg;
			break;
		case OPT_RUNTIME:
			ret->runtime = optarg;
			break;
		case OPT_CONFIG:
			ret->config = optarg;
			break;
		case OPT_RESTORE:
			ret->restore = optarg;
			break;
		case OPT_PASSPHRASE_FILE:
			ret->passphrase_file = optarg;
			break;
		case OPT_FORCE:
			ret->may_replace = true;
			break;
		case OPT_DEBUGGER:
			ret->may_debug = true;
			break;
		case OPT_HELP_CONFIG:
			return print_help_config();
		case OPT_HELP_EVENTS:
			return print_help_events();
		case OPT_SIGN:
			secret_process_init(false, NULL);
			signer_program();
		case 'h':
			return print(usage);
		case 'V':
			return print(PACKAGE_NAME " " PACKAGE_VERSION "\n");
		default:
			fputs("certd: see: certd --help\n", stderr);
			return error_exit_status(ERROR_USAGE);
		}
	}
	if (optind == argc)
		return -1;
	argument = printable_line(argv[optind], strlen(argv[optind]), ARGUMENT_SHOWN);
	fprintf(stderr, "certd: unexpected argument '%s'; see: certd --help\n", argument);
	free(argument);
	return error_exit_status(ERROR_USAGE);
}

/* @path as an absolute path; owned by the caller. */
static char *
absolute(const char *path)
{
	_cleanup_free_ char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);

	return cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

/* The command line overrides the file. */
static int
read_conf(const struct arguments *args, struct conf *conf, const char **ret_path, struct error *err)
{
	*ret_path = args->config ? args->config : CONF_PATH_DEFAULT;
	conf->is_file_optional = !args->config;
	conf->is_state_given = args->state != NULL;
	conf->is_runtime_given = args->runtime != NULL;
	if (conf_read_file(conf, *ret_path, err) < 0)
		return -1;
	if (args->state) {
		free(conf->state_dir);
		conf->state_dir = absolute(args->state);
	}
	if (args->runtime) {
		free(conf->runtime_dir);
		conf->runtime_dir = absolute(args->runtime);
	}
	conf_finish(conf);
	return 0;
}

static int
main_run(const struct arguments *args, struct error *err)
{
	struct conf conf;
	const char *path;
	struct certd *certd;
	int rc = secret_process_init(args->may_debug, err);

	if (rc < 0)
		return -1;
	if (rc == 1)
		fputs("certd: cannot lock keys in memory, they may be written to swap space; raise LimitMEMLOCK\n",
			stderr);
	conf_init(&conf);
	if (read_conf(args, &conf, &path, err) < 0) {
		conf_clear(&conf);
		return -1;
	}
	if (args->restore) {
		rc = restore_run(&conf, args->restore, args->passphrase_file, args->may_replace, err);
		conf_clear(&conf);
		return rc;
	}
	certd = certd_new(&conf, path, err);
	conf_clear(&conf);
	rc = certd ? certd_run(certd, err) : -1;
	certd_free(certd);
	return rc;
}

int
main(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct error err = ERROR_INIT;
	int status = main_parse(argc, argv, &args);

	if (status >= 0)
		return status;
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	if (main_run(&args, &err) == 0)
		return 0;
	fprintf(stderr, "certd: %s\n", err.message);
	/* A restart does not repair a damaged store: this status is known to the unit. */
	status = err.code == ERROR_CORRUPT ? STATUS_DAMAGED : error_exit_status(err.code);
	error_clear(&err);
	return status;
}
