/*
 * certd.conf. One table has all facts about an option: target, kind, bounds, default and help. inih splits the lines,
 * but reads them through our reader, which counts them, refuses long ones (inih would continue in the middle of the
 * line) and strips leading blanks (inih would join the line to the one before).
 */
#include "common/conf.h"

#include "common/alloc.h"
#include "common/error.h"
#include "common/nearest.h"
#include "common/scope.h"
#include "common/timefmt.h"
#include "common/webroot_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 256 * 1024, MAX_SPAN = 4000 * 86400 };

enum conf_kind { CONF_TEXT, CONF_PATH, CONF_COUNT, CONF_SPAN, CONF_BOOL, CONF_LIST, CONF_LEVEL };

struct conf_option {
	const char *name;
	enum conf_kind kind;
	size_t offset;        /* in struct conf */
	const char *fallback; /* in the file's notation; NULL: unset */
	int64_t min, max;     /* counts and seconds */
	const char *help;     /* one line */
	bool is_at_start;     /* a change takes effect at the next start */
};

#define AT(member) offsetof(struct conf, member)

/* One row per line is easier to compare. */
/* clang-format off */
static const struct conf_option options[] = {
	{ "state", CONF_PATH, AT(state_dir), LOCALSTATEDIR "/lib/certd", 0, 0, "directory of the store", true },
	{ "runtime", CONF_PATH, AT(runtime_dir), RUNSTATEDIR "/certd", 0, 0, "directory of the sockets", true },
	{ "drop-root", CONF_PATH, AT(drop_root), NULL, 0, 0, "directory of live/, pem/ and generation (default: "
		"state)", true },
	{ "socket", CONF_PATH, AT(socket_path), NULL, 0, 0, "control socket (default: control.sock in runtime)", true },
	{ "rest-socket", CONF_PATH, AT(rest_socket), NULL, 0, 0, "REST socket (default: rest.sock in runtime)", true },
	{ "rest-listen", CONF_LIST, AT(rest_listen), NULL, 0, 0,
		"serve REST over TCP to clients with tokens: ADDRESS:PORT, such as 0.0.0.0:8443 or [::1]:8443", true },
	{ "rest-certificate", CONF_TEXT, AT(rest_certificate), NULL, 0, 0,
		"auto-certificate for the TLS of rest-listen; a renewal does not need a restart", true },
	{ "rest-plain", CONF_BOOL, AT(is_rest_plain), "no", 0, 0,
		"rest-listen without TLS, only on loopback addresses", true },
	{ "rest-page", CONF_BOOL, AT(has_rest_page), "no", 0, 0,
		"serve a read-only page for browsers at / of REST", false },
	{ "rest-agree-terms", CONF_BOOL, AT(does_rest_agree_terms), "yes", 0, 0,
		"creating a provider over REST accepts the CA's terms of service by default; IONOS clients cannot "
		"accept them", false },
	{ "master-key-file", CONF_PATH, AT(master_key_file), NULL, 0, 0,
		"key that seals all secrets (default: the systemd credential master-key, else master-key in state)",
		true },
	{ "pkcs11-module", CONF_PATH, AT(pkcs11_module), NULL, 0, 0,
		"PKCS#11 library for keys in tokens (default: that of p11-kit, which knows all others)", true },
	{ "log-level", CONF_LEVEL, AT(log_level), "info", 0, 0, "error, warning, notice, info or debug", false },
	{ "http-listen", CONF_LIST, AT(http_listen), NULL, 0, 0,
		"listen for http-01 on ADDRESS:PORT or unix:PATH, such as [::]:80, or 127.0.0.1:5080 behind nginx",
		true },
	{ "tls-alpn-listen", CONF_LIST, AT(tls_alpn_listen), NULL, 0, 0,
		"listen for tls-alpn-01 on ADDRESS:PORT or unix:PATH, such as [::]:443, or 127.0.0.1:5443 behind a "
		"server that passes connections for acme-tls/1 on", true },
	{ "webroot", CONF_LIST, AT(webroots), NULL, 0, 0, "web server directories in which http-01 challenges are "
		"placed: PATH, or PATH NAME... only for these names, such as /srv/shop shop.example.com "
		"*.shop.example.com", true },
	{ "http-stateless", CONF_BOOL, AT(is_http_stateless), "no", 0, 0,
		"http-01 is answered by another server, from the thumbprint of the account key", true },
	{ "dns-servers", CONF_TEXT, AT(dns_servers), NULL, 0, 0, "DNS resolvers: ADDRESS[:PORT],... (default: those "
		"of resolv.conf)", true },
	{ "proxy", CONF_TEXT, AT(proxy), NULL, 0, 0, "HTTP proxy for requests to CAs and DNS services", true },
	{ "admin-groups", CONF_LIST, AT(admin_groups), NULL, 0, 0,
		"groups (names or numbers) with the role admin; root and certd's own user always have it", false },
	{ "operator-groups", CONF_LIST, AT(operator_groups), NULL, 0, 0,
		"groups with the role operator", false },
	{ "viewer-groups", CONF_LIST, AT(viewer_groups), NULL, 0, 0, "groups with the role viewer", false },
	{ "scopes", CONF_LIST, AT(scopes), NULL, 0, 0,
		"restrict a group's role: GROUP:domain=*.example.com, GROUP:provider=NAME or GROUP:label=LABEL",
		false },
	{ "renew-before", CONF_SPAN, AT(renew_before), "30d", 60, MAX_SPAN,
		"renew this long before expiry, at most a third of the lifetime (half if it is below 10 days)", false },
	{ "late-warning", CONF_COUNT, AT(late_warning), "25", 1, 90,
		"alert if a certificate is not renewed when less than this percentage of its lifetime is left",
		false },
	{ "late-critical", CONF_COUNT, AT(late_critical), "10", 1, 90,
		"the same with severity critical", false },
	{ "purge-after", CONF_SPAN, AT(purge_after), "30d", 0, MAX_SPAN,
		"delete unused certificates this long after they expired", false },
	{ "check-files-every", CONF_SPAN, AT(check_files_every), "1h", 1, 86400,
		"compare all deployed files with what certd wrote this often", false },
	{ "check-revocation-every", CONF_SPAN, AT(check_revocation_every), "1d", 0, 7 * 86400,
		"look for certificates in the revocation lists of their CAs, and ask their OCSP responders, this "
		"often, and replace those that are revoked; 0: never", false },
	{ "ct-source", CONF_TEXT, AT(ct_source), NULL, 0, 0,
		"look for certificates that certd did not order at this service for Certificate Transparency: the URL "
		"of a JSON answer of crt.sh or Cert Spotter, with {domain}", false },
	{ "ct-known-issuers", CONF_LIST, AT(ct_known_issuers), NULL, 0, 0,
		"CAs whose certificates are expected from others: parts of their names, such as Amazon", false },
	{ "check-ct-every", CONF_SPAN, AT(check_ct_every), "1d", 1, 7 * 86400, "ask ct-source this often", false },
	{ "limits", CONF_TEXT, AT(limits), "none", 0, 0, "ionos: the limits of IONOS Certificate Manager (50 "
		"auto-certificates, 10 alternative names) for the next two options, unless they are set", false },
	{ "max-auto-certificates", CONF_COUNT, AT(max_auto_certificates), "0", 0, 100000000,
		"maximum number of auto-certificates; 0: unlimited", false },
	{ "max-alternative-names", CONF_COUNT, AT(max_alternative_names), "100", 1, 100, "maximum number of "
		"alternative names of a certificate", false },
	{ "max-orders", CONF_COUNT, AT(max_orders), "8", 1, 100,
		"maximum number of concurrent orders per provider", true },
	{ "workers", CONF_COUNT, AT(workers), "0", 0, 64, "number of threads for slow work; 0: one per CPU", true },
	{ "max-connections", CONF_COUNT, AT(max_connections), "128", 4, 4096, "maximum number of clients, separately "
		"for the control socket, the REST socket and REST over TCP", true },
	{ "max-connections-per-user", CONF_COUNT, AT(max_connections_per_user), "32", 1, 4096,
		"maximum number of clients per user or TCP address; three times as many for root and admins", true },
	{ "max-events", CONF_COUNT, AT(max_events), "10000", 100, 10000000, "number of events to keep", true },
	{ "max-audit-records", CONF_COUNT, AT(max_audit_records), "100000", 100, 100000000,
		"number of audit log records to keep; up to ten times as many of the last 30 days", true },
	{ "metrics-file", CONF_PATH, AT(metrics_file), NULL, 0, 0,
		"also write the metrics to this file, NAME.prom, for node_exporter's textfile collector", true },
	{ "metrics-interval", CONF_SPAN, AT(metrics_interval), "15s", 1, 3600,
		"write metrics-file at most this often", true },
	{ "metrics-certificates", CONF_COUNT, AT(metrics_certificates), "2000", 0, 5000,
		"with more certificates than this, the metrics have totals only", false },
	{ "operators-may-remove-used", CONF_BOOL, AT(may_operators_remove_used), "no", 0, 0,
		"operators may take away files that a consumer still has", false },
	{ "allow-other-hosts", CONF_BOOL, AT(may_use_other_hosts), "no", 0, 0,
		"accept ACME directories with URLs on other hosts", true },
};
/* clang-format on */

/* By syslog's numbers. */
static const char *const levels[] = { [3] = "error", "warning", "notice", "info", "debug" };

static const struct conf_option *
conf_find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static int
conf_unknown_option(const char *name, struct error *err)
{
	const char *names[ARRAY_SIZE(options)];
	const char *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		names[i] = options[i].name;
	nearest = nearest_word(name, names, ARRAY_SIZE(options));
	if (nearest)
		return error_set(err, ERROR_CONFIG, "%s: unknown option; did you mean '%s'?", name, nearest);
	return error_set(err, ERROR_CONFIG, "%s: unknown option", name);
}

static void *
conf_place_of(struct conf *conf, const struct conf_option *option)
{
	return (char *)conf + option->offset;
}

static int
set_path(char **place, const char *value, struct error *err)
{
	if (*value != '/')
		return error_set(err, ERROR_CONFIG, "'%s' is not an absolute path", value);
	str_replace(place, value);
	return 0;
}

static int
set_count(const struct conf_option *option, int64_t *place, const char *value, struct error *err)
{
	char *end = NULL;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < option->min || n > option->max)
		return error_set(err, ERROR_CONFIG, "'%s' is not a number from %lld to %lld", value,
			(long long)option->min, (long long)option->max);
	*place = n;
	return 0;
}

static int
set_span(const struct conf_option *option, int64_t *place, const char *value, struct error *err)
{
	char least[TIME_SPAN_SIZE], most[TIME_SPAN_SIZE];
	int64_t sec = 0;

	if (time_parse_span(value, &sec) < 0 || sec < option->min || sec > option->max) {
		time_format_span(option->min, least);
		time_format_span(option->max, most);
		return error_set(err, ERROR_CONFIG, "'%s' is not a time span from %s to %s, such as 30d or 12h", value,
			least, most);
	}
	*place = sec;
	return 0;
}

static int
set_bool(bool *place, const char *value, struct error *err)
{
	if (strcmp(value, "yes") == 0)
		*place = true;
	else if (strcmp(value, "no") == 0)
		*place = false;
	else
		return error_set(err, ERROR_CONFIG, "'%s' is neither yes nor no", value);
	return 0;
}

static int
set_level(int64_t *place, const char *value, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (levels[i] && strcmp(levels[i], value) == 0) {
			*place = (int64_t)i;
			return 0;
		}
	}
	return error_set(err, ERROR_CONFIG, "'%s' is not one of error, warning, notice, info, debug", value);
}

static int
check_scope(const char *item, struct error *err)
{
	struct scope_rule rule = { .domains = STRLIST_INIT };
	_cleanup_free_ char *group = NULL;
	int rc = scope_entry_read(item, &group, &rule, err);

	scope_rule_clear(&rule);
	return rc;
}

static bool
is_list(const struct conf_option *option)
{
	return option->kind == CONF_LIST;
}

/* Lists whose items are more than text. */
static const struct {
	const char *option;
	int (*check)(const char *item, struct error *err);
} checks[] = { { "scopes", check_scope }, { "webroot", webroot_entry_check } };

static int
check_item(const struct conf_option *option, const char *item, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (strcmp(option->name, checks[i].option) == 0)
			return checks[i].check(item, err);
	return 0;
}

static int
set_list(const struct conf_option *option, struct strlist *place, const char *value, struct error *err)
{
	size_t before = place->count;

	strlist_split(place, value, ',');
	for (size_t i = before; i < place->count; i++)
		if (check_item(option, place->items[i], err) < 0)
			return -1;
	return 0;
}

/* Appends to lists. */
static int
set_value(struct conf *conf, const struct conf_option *option, const char *value, struct error *err)
{
	void *place = conf_place_of(conf, option);

	if (*value == '\0' && !is_list(option))
		return error_set(err, ERROR_CONFIG, "does not have a value");
	switch (option->kind) {
	case CONF_TEXT:
		str_replace(place, value);
		return 0;
	case CONF_PATH:
		return set_path(place, value, err);
	case CONF_COUNT:
		return set_count(option, place, value, err);
	case CONF_SPAN:
		return set_span(option, place, value, err);
	case CONF_BOOL:
		return set_bool(place, value, err);
	case CONF_LIST:
		return set_list(option, place, value, err);
	case CONF_LEVEL:
		return set_level(place, value, err);
	}
	return 0;
}

void
conf_init(struct conf *conf)
{
	*conf = (struct conf){ .state_dir = NULL };
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].fallback && set_value(conf, &options[i], options[i].fallback, NULL) < 0)
			abort(); /* the table is wrong; every start would end here, and a test covers it */
}

void
conf_clear(struct conf *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		void *place = conf_place_of(conf, &options[i]);

		if (options[i].kind == CONF_TEXT || options[i].kind == CONF_PATH)
			str_replace(place, NULL);
		else if (is_list(&options[i]))
			strlist_clear(place);
	}
}

struct reader {
	struct conf *conf;
	const char *text, *end;
	int line;                         /* of the last one returned; from 1 */
	int seen_in[ARRAY_SIZE(options)]; /* line of the first occurrence; 0: none yet */
	struct error *err;                /* the first error; reading stops there */
	bool has_failed;
};

static void
reader_fail(struct reader *reader)
{
	reader->has_failed = true;
	reader->text = reader->end;
}

/* ini_reader: like fgets(). */
static char *
conf_read_line(char *ret, int size, void *arg)
{
	struct reader *reader = arg;
	const char *start = reader->text;
	const char *end;
	size_t len;

	if (start == reader->end)
		return NULL;
	end = memchr(start, '\n', (size_t)(reader->end - start));
	reader->text = end ? end + 1 : reader->end;
	end = end ? end : reader->end;
	reader->line++;
	while (start < end && (*start == ' ' || *start == '\t' || *start == '\r'))
		start++;
	len = (size_t)(end - start);
	if (len > CONF_MAX_LINE || len + 2 > (size_t)size) {
		error_set(reader->err, ERROR_CONFIG, "the line is longer than %d octets", CONF_MAX_LINE);
		reader_fail(reader);
		return NULL;
	}
	if (len && *start == '[') {
		error_set(reader->err, ERROR_CONFIG, "sections are not allowed");
		reader_fail(reader);
		return NULL;
	}
	memcpy(ret, start, len);
	memcpy(ret + len, "\n", 2);
	return ret;
}

static int
conf_read_option(struct reader *reader, const char *name, const char *value)
{
	const struct conf_option *option = conf_find_option(name);
	int *seen_in;

	if (!option)
		return conf_unknown_option(name, reader->err);
	seen_in = &reader->seen_in[option - options];
	if (*seen_in && !is_list(option))
		return error_set(reader->err, ERROR_CONFIG, "%s: already set in line %d", name, *seen_in);
	if (!*seen_in && is_list(option))
		strlist_clear(conf_place_of(reader->conf, option));
	*seen_in = reader->line;
	if (set_value(reader->conf, option, value, reader->err) < 0)
		return error_wrap(reader->err, "%s", name);
	return 0;
}

/* ini_handler: nonzero is success. */
static int
handle_option(void *arg, const char *section _unused_, const char *name, const char *value)
{
	struct reader *reader = arg;

	if (!reader->has_failed && conf_read_option(reader, name, value ? value : "") < 0)
		reader_fail(reader);
	return !reader->has_failed;
}

/* Options that have a line of their own keep it. */
static int
conf_apply_limits(const struct reader *reader, const char *path, struct error *err)
{
	static const struct {
		const char *option, *value;
	} ionos[] = { { "max-auto-certificates", "50" }, { "max-alternative-names", "10" } };
	struct conf *conf = reader->conf;

	if (strcmp(conf->limits, "none") == 0)
		return 0;
	if (strcmp(conf->limits, "ionos") != 0)
		return error_set(err, ERROR_CONFIG, "%s:%d: limits: '%s' is neither none nor ionos", path,
			reader->seen_in[conf_find_option("limits") - options], conf->limits);
	for (size_t i = 0; i < ARRAY_SIZE(ionos); i++) {
		const struct conf_option *option = conf_find_option(ionos[i].option);

		if (!reader->seen_in[option - options] && set_value(conf, option, ionos[i].value, err) < 0)
			return -1;
	}
	return 0;
}

int
conf_read(struct conf *conf, const char *text, size_t len, const char *path, struct error *err)
{
	_cleanup_error_ struct error own = ERROR_INIT;
	struct reader reader = { .conf = conf, .text = text, .end = text + len, .err = err ? err : &own };
	int bad_line;

	if (memchr(text, '\0', len))
		return error_set(
			err, ERROR_CONFIG, "%s: contains NUL characters; this is not a configuration file", path);
	bad_line = ini_parse_stream(conf_read_line, &reader, handle_option, &reader);
	/* inih returns the first line that it or our handler rejected; our handler may have rejected a later one. */
	if (reader.has_failed && (!bad_line || bad_line >= reader.line))
		return error_wrap(reader.err, "%s:%d", path, reader.line);
	if (bad_line)
		return error_set(err, ERROR_CONFIG, "%s:%d: expected 'option = value' or a comment", path, bad_line);
	if (conf->is_http_stateless && (conf->http_listen.count || conf->webroots.count))
		return error_set(err, ERROR_CONFIG,
			"%s:%d: http-stateless: certd does not answer http-01 itself then: remove http-listen and "
			"webroot, or http-stateless",
			path, reader.seen_in[conf_find_option("http-stateless") - options]);
	return conf_apply_limits(&reader, path, err);
}

int
conf_read_file(struct conf *conf, const char *path, struct error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (conf->is_file_optional && access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (buf_read_file(&text, AT_FDCWD, path, MAX_FILE, err) < 0)
		return -1;
	return conf_read(conf, buf_str(&text), text.len, path, err);
}

void
conf_finish(struct conf *conf)
{
	if (!conf->drop_root)
		conf->drop_root = xstrdup(conf->state_dir);
	if (!conf->socket_path)
		conf->socket_path = xasprintf("%s/control.sock", conf->runtime_dir);
	if (!conf->rest_socket)
		conf->rest_socket = xasprintf("%s/rest.sock", conf->runtime_dir);
}

static bool
conf_is_equal(const struct conf_option *option, const void *a, const void *b)
{
	switch (option->kind) {
	case CONF_TEXT:
	case CONF_PATH:
		return str_is_same(*(char *const *)a, *(char *const *)b);
	case CONF_COUNT:
	case CONF_SPAN:
	case CONF_LEVEL:
		return *(const int64_t *)a == *(const int64_t *)b;
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONF_LIST:
		break;
	}
	return strlist_equal(a, b);
}

static size_t
conf_size(const struct conf_option *option)
{
	switch (option->kind) {
	case CONF_TEXT:
	case CONF_PATH:
		return sizeof(char *);
	case CONF_COUNT:
	case CONF_SPAN:
	case CONF_LEVEL:
		return sizeof(int64_t);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_LIST:
		break;
	}
	return sizeof(struct strlist);
}

void
conf_keep_started(struct conf *new, struct conf *running, struct strlist *ret_changed)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		void *is = conf_place_of(running, &options[i]), *wanted = conf_place_of(new, &options[i]);
		char swap[sizeof(struct strlist)];
		size_t size = conf_size(&options[i]);

		if (!options[i].is_at_start || conf_is_equal(&options[i], is, wanted))
			continue;
		strlist_add(ret_changed, options[i].name);
		memcpy(swap, is, size);
		memcpy(is, wanted, size);
		memcpy(wanted, swap, size);
	}
}

static const char *
kind_metavar(enum conf_kind kind)
{
	switch (kind) {
	case CONF_TEXT:
		return "TEXT";
	case CONF_PATH:
		return "PATH";
	case CONF_COUNT:
		return "N";
	case CONF_SPAN:
		return "SPAN";
	case CONF_BOOL:
		return "yes|no";
	case CONF_LIST:
		return "LIST";
	case CONF_LEVEL:
		return "LEVEL";
	}
	return "";
}

void
conf_help(struct buf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct conf_option *o = &options[i];

		buf_printf(ret, "%s = %s\n    %s", o->name, kind_metavar(o->kind), o->help);
		if (o->is_at_start)
			buf_add_str(ret, "; a change needs a restart");
		if (o->fallback)
			buf_printf(ret, " (default: %s)", o->fallback);
		buf_add_str(ret, "\n");
	}
}
