/*
 * Kind mail: an e-mail by SMTP submission (RFC 6409). The text of the message is in mail_text.c.
 *
 * An address is accepted only in its plain form, local-part@domain in ASCII: it becomes part of SMTP commands and of
 * header fields.
 */
#include "daemon/alert/alert_kind.h"

#include "common/name.h"
#include "common/strlist.h"
#include "daemon/alert/mail_text.h"
#include "daemon/base/http_mail.h"
#include "daemon/base/http_url.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>

enum { RECIPIENTS_MAX = 20, ADDRESS_MAX = 254 /* RFC 5321 s4.5.3.1.3 */ };

/* --- declaration --- */

static int
check_address(const char *address, const char *field, struct error *err)
{
	static const char local[] =
		"!#$%&'*+-/=?^_`{|}~.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strspn(address, local);

	if (len == 0 || address[len] != '@' || strlen(address) > ADDRESS_MAX || !name_is_plain(address + len + 1))
		return error_set_field(err, field, "'%s' is not one address such as ops@example.com", address);
	return 0;
}

/* @ret: taken apart as a URL would be. */
static int
parse_server(const struct alert *a, struct http_url *ret, struct error *err)
{
	const char *text = setting_text(&a->settings, "server");
	_cleanup_free_ char *url = xasprintf("https://%s", text);
	_cleanup_error_ struct error why = ERROR_INIT;

	if (strpbrk(text, "/?#@") || http_url_parse(url, ret, &why) < 0)
		return error_set_field(err, "server", "'%s' is not HOST or HOST:PORT", text);
	return 0;
}

static const char *
mail_security(const struct alert *a)
{
	const char *security = setting_text(&a->settings, "security");

	return security ? security : "starttls";
}

static int
check_credentials(const struct alert *a, struct error *err)
{
	const char *user = setting_text(&a->settings, "user");
	bool has_password = setting_secret(&a->secrets, "password")->len > 0;

	if (user && strcmp(mail_security(a), "none") == 0)
		return error_set_field(err, "security", "none would send the password in clear text");
	if (user && !has_password)
		return error_set_field(err, "password", "user requires a password");
	if (!user && has_password)
		return error_set_field(err, "user", "password requires a user");
	return 0;
}

static int
alert_mail_check(const struct alert *a, struct error *err)
{
	const struct strlist *to = setting_list(&a->settings, "to");
	const char *from = setting_text(&a->settings, "from");
	_cleanup_http_url_ struct http_url server = { .scheme = NULL };

	if (to->count > RECIPIENTS_MAX)
		return error_set_field(err, "to", "has more than %d recipients", RECIPIENTS_MAX);
	for (size_t i = 0; i < to->count; i++) {
		_cleanup_free_ char *field = xasprintf("to[%zu]", i);

		if (check_address(to->items[i], field, err) < 0)
			return -1;
	}
	if ((from && check_address(from, "from", err) < 0) || parse_server(a, &server, err) < 0)
		return -1;
	return check_credentials(a, err);
}

static char *
alert_mail_endpoint(const struct alert *a)
{
	_cleanup_free_ char *to = strlist_join(setting_list(&a->settings, "to"), ", ");

	return xasprintf("%s by %s", to, setting_text(&a->settings, "server"));
}

/* --- delivery --- */

enum { MAIL_TIMEOUT_MS = 60 * 1000 };

struct mail_delivery {
	const struct alert_env *env;
	void *sending; /* NULL: not yet */
	alert_done_fn *done;
	void *arg;
};

static void
mail_delivered(const struct error *err, const char *answer, void *arg)
{
	struct mail_delivery *d = arg;
	alert_done_fn *done = d->done;
	void *done_arg = d->arg;

	free(d);
	done(err, answer, done_arg);
}

static enum mail_security
mail_security_of(const struct alert *a)
{
	const char *word = mail_security(a);

	return strcmp(word, "tls") == 0 ? MAIL_TLS : strcmp(word, "none") == 0 ? MAIL_PLAIN : MAIL_STARTTLS;
}

static const char *
mail_port(const struct alert *a, const struct http_url *server)
{
	static const char *const ports[] = { [MAIL_STARTTLS] = "587", [MAIL_TLS] = "465", [MAIL_PLAIN] = "25" };

	return server->has_port ? server->port : ports[mail_security_of(a)];
}

/* The default sender. Some servers reject a host name without a domain. Owned by the caller. */
static char *
mail_from(const struct alert *a, const char *host)
{
	const char *from = setting_text(&a->settings, "from");

	return from ? xstrdup(from) : xasprintf("certd@%s", name_is_plain(host) ? host : "localhost");
}

static void *
alert_mail_start(
	const struct alert_env *env, const struct alert *a, const struct message *m, alert_done_fn *done, void *arg)
{
	struct mail_delivery *d = xcalloc(1, sizeof(*d));
	_cleanup_http_url_ struct http_url server = { .scheme = NULL };
	_cleanup_free_ char *from = mail_from(a, env->host);
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct strlist *to = setting_list(&a->settings, "to");
	const struct secret *secret = setting_secret(&a->secrets, "password");
	char *password = xstrndup(secret->len ? (const char *)secret->data : "", secret->len);

	*d = (struct mail_delivery){ .env = env, .done = done, .arg = arg };
	parse_server(a, &server, NULL); /* it was checked when it was declared */
	mail_text(m, env->host, from, to, loop_now(env->loop), &text);
	password[strcspn(password, "\r\n")] = '\0'; /* a file ends with a line end */
	d->sending = mail_send(env->mail,
		&(struct mail_request){
			.host = server.host,
			.port = mail_port(a, &server),
			.security = mail_security_of(a),
			.ca_file = setting_text(&a->settings, "caFile"),
			.user = setting_text(&a->settings, "user"),
			.password = password,
			.from = from,
			.to = to,
			.text = &text,
			.timeout_ms = MAIL_TIMEOUT_MS,
		},
		mail_delivered, d);
	explicit_bzero(password, strlen(password));
	free(password);
	return d;
}

static void
alert_mail_cancel(void *work)
{
	struct mail_delivery *d = work;

	mail_cancel(d->env->mail, d->sending);
	free(d);
}

const struct alert_kind alert_kind_mail = {
	.name = "mail",
	.check = alert_mail_check,
	.endpoint = alert_mail_endpoint,
	.start = alert_mail_start,
	.cancel = alert_mail_cancel,
};
