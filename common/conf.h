/*
 * common/conf.h: certd.conf: one option table, which reads the file, prints `certd --help-config` and is checked
 * against certd.conf(5). The format is INI without sections, read through our own line reader (inih silently cuts long
 * lines). Lists: comma separated, or the option repeated; the first occurrence in a file replaces the default.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct conf {
	char *state_dir;            /* --state */
	char *runtime_dir;          /* --runtime */
	char *drop_root;            /* live/, pem/, generation; default: state_dir */
	char *socket_path;          /* control socket; default: runtime_dir/control.sock */
	char *rest_socket;          /* REST; default: runtime_dir/rest.sock */
	struct strlist rest_listen; /* REST by TCP, ADDRESS:PORT */
	char *rest_certificate;     /* auto-certificate for its TLS */
	bool is_rest_plain;         /* rest-listen without TLS, on loopback */
	bool has_rest_page;         /* the page at / for browsers */
	bool does_rest_agree_terms; /* providers created over REST accept the CA's terms */
	char *master_key_file;      /* default: systemd credential "master-key", else STATE/master-key */
	int64_t log_level;          /* 3 error, 4 warning, 5 notice, 6 info, 7 debug */
	struct strlist http_listen; /* http-01 listeners */
	struct strlist tls_alpn_listen;
	struct strlist webroots;
	bool is_http_stateless; /* another server answers http-01 from the thumbprint of the account key */
	char *dns_servers;      /* resolvers; default: resolv.conf */
	char *proxy;
	struct strlist admin_groups; /* names or gids; root and certd's own uid are always admin */
	struct strlist operator_groups;
	struct strlist viewer_groups;
	struct strlist scopes;            /* entries of common/scope.h */
	int64_t renew_before;             /* seconds; 30 d */
	int64_t late_warning;             /* percent of the lifetime; 25 */
	int64_t late_critical;            /* 10 */
	int64_t purge_after;              /* seconds after expiry; 30 d */
	int64_t check_files_every;        /* seconds; 1 h */
	int64_t check_revocation_every;   /* seconds; 1 d; 0: not at all */
	char *ct_source;                  /* URL with "{domain}"; NULL: Certificate Transparency is not watched */
	struct strlist ct_known_issuers;  /* parts of the names of CAs that others may use */
	int64_t check_ct_every;           /* seconds; 1 d */
	char *limits;                     /* "none" or "ionos": the defaults of the next two */
	int64_t max_auto_certificates;    /* 0: none */
	int64_t max_alternative_names;    /* 100 */
	int64_t max_orders;               /* in flight per provider; 8 */
	int64_t workers;                  /* 0: CPUs */
	int64_t max_connections;          /* of each socket; 128 */
	int64_t max_connections_per_user; /* 32; root 96 */
	int64_t max_events;               /* kept in the store; 10000 */
	char *pkcs11_module;              /* path; NULL: that of OpenSSL's engine */
	char *metrics_file;               /* for node_exporter's textfile collector; NULL: none */
	int64_t metrics_interval;         /* seconds between two versions of it, at least */
	int64_t metrics_certificates;     /* above it, metrics only have totals; 2000 */
	int64_t max_audit_records;        /* of the audit log; 100000; ten times as many for the last 30 days */
	bool may_operators_remove_used;   /* files that a consumer still has */
	bool may_use_other_hosts;         /* a CA's directory may contain URLs on other hosts */
	/* not in the file: */
	bool is_state_given, is_runtime_given; /* by --state, --runtime: the file does not matter */
	bool is_file_optional;                 /* no --config: the default file may be missing */
};

/* All defaults. */
void
conf_init(struct conf *conf);

void
conf_clear(struct conf *conf);

/*
 * conf_read_file() - read @path over the present content of @conf
 * ERROR_CONFIG "path:line: option: fault and allowed values": unknown option (with the nearest), bad value, option
 * given twice, section, line over CONF_MAX_LINE octets. ERROR_NOT_FOUND: the file does not exist and is not optional.
 * Permissions are not checked, because secrets are never in the file itself.
 */
int
conf_read_file(struct conf *conf, const char *path, struct error *err);

/* inih's own buffer; a longer line would arrive in pieces. */
enum { CONF_MAX_LINE = 197 };

/* The same for text; @path is only used in messages. */
int
conf_read(struct conf *conf, const char *text, size_t len, const char *path, struct error *err);

/* Derives unset paths (socket_path, rest_socket from runtime_dir ...); call after file and command line are read. */
void
conf_finish(struct conf *conf);

/*
 * conf_keep_started() - which changes need a restart
 * Options that take effect only at the start get the values of @running again in @new, and @running those of @new.
 * @ret_changed: the names of those that differ are appended
 */
void
conf_keep_started(struct conf *new, struct conf *running, struct strlist *ret_changed);

/* The table as text for --help-config: name, kind, default, meaning. */
void
conf_help(struct buf *ret);

#endif
