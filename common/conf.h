/*
 * common/conf.h: certd.conf: one option table, which reads the file, makes `certd --help-config` and is checked
 * against certd.conf(5). INI without sections; behind a line reader of our own (inih cuts long lines silently).
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct conf {
	char *state_dir;   /* --state */
	char *runtime_dir; /* --runtime */
	char *drop_root;   /* live/, pem/, generation; default: state_dir */
	char *socket_path; /* control socket; default: runtime_dir/control.sock */
	char *master_key_file; /* default: the systemd credential "master-key", else STATE/master-key, self-made */
	int64_t log_level;
	struct strlist http_listen; /* http-01 listeners */
	struct strlist webroots;
	char *dns_servers; /* resolvers; default: resolv.conf */
	char *proxy;
	struct strlist admin_groups; /* names or gids; root and our own uid are always admin */
	struct strlist operator_groups;
	struct strlist viewer_groups;
	int64_t renew_before;          /* seconds; 30 d */
	int64_t purge_after;           /* seconds after expiry; 30 d */
	int64_t max_auto_certificates; /* 0: none */
	int64_t max_alternative_names; /* 100 */
	int64_t max_orders;            /* in flight per provider; 8 */
	int64_t workers;               /* 0: CPUs */
	int64_t max_connections;       /* control socket; 128 */
	int64_t max_connections_per_user;
	int64_t max_events;     /* kept in the store; 10000 */
	bool allow_other_hosts; /* a CA's directory may name other hosts */
};

/* All defaults. */
void
conf_init(struct conf *conf);

void
conf_clear(struct conf *conf);

/*
 * conf_read_file() - read @path over what @conf holds
 * Unknown option, bad value, line over 4,096 octets: ERROR_CONFIG "path:line: option: what is wrong, what is
 * allowed". Readable by others while it names secrets is not an issue: secrets are by file only.
 */
int
conf_read_file(struct conf *conf, const char *path, struct error *err);

/* The same on text; @path only names it in messages. */
int
conf_read(struct conf *conf, const char *text, size_t len, const char *path, struct error *err);

/* Paths that follow from others (socket_path from runtime_dir ...), after file and command line. */
void
conf_finish(struct conf *conf);

/* The table as text for --help-config: name, kind, default, meaning. */
void
conf_help(struct buf *ret);

#endif
