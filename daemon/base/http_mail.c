/*
 * One mail after the other, on one thread. A session is not kept: alerts are rare. An owner that cancels leaves the
 * session to the thread, which ends it at its next look.
 */
#include "daemon/base/http_mail.h"

#include "common/alloc.h"
#include "common/error.h"
#include "common/printable.h"
#include "daemon/base/http_private.h"
#include "daemon/base/workers.h"

#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum {
	DEFAULT_TIMEOUT_MS = 60 * 1000,
	CONNECT_MS = 15 * 1000,
	QUIT_SEC = 2, /* for the answer to QUIT: the mail is accepted already */
	REPLY_MAX = 300,
	MAX_ADDRESSES = 8
};

struct mail_session {
	struct http_mail *mail;
	struct mail_session *prev, *next;
	mail_done_fn *done;
	void *arg;
	struct http_host_wait wait;
	struct loop_timer timer; /* reports what failed before the thread began */
	bool is_running;         /* the thread has it */
	bool is_orphaned;        /* cancelled while it is running */
	atomic_bool is_cancelled;

	/* The request; owned. From here on, the thread's while it is running. */
	char *url, *host, *port, *ca_file, *user, *password, *from;
	struct strlist to;
	struct buf text;
	size_t sent;
	enum mail_security security;
	int64_t timeout_ms;
	struct curl_slist *resolve;

	struct tls_guard guard;
	char *reply; /* the last line of the server */
	char curl_text[CURL_ERROR_SIZE];
	time_t accepted_at; /* monotonic seconds; 0: not yet */
	struct error err;
};

struct http_mail {
	struct mail transport;
	struct loop *loop;
	struct http_hosts *hosts;
	struct workers *workers;
	struct mail_session *sessions;
};

/* --- on the thread --- */

static time_t
mail_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static size_t
mail_on_read(char *data, size_t size, size_t count, void *arg)
{
	struct mail_session *s = arg;
	size_t len = size * count;

	if (len > s->text.len - s->sent)
		len = s->text.len - s->sent;
	memcpy(data, s->text.data + s->sent, len);
	s->sent += len;
	return len;
}

/* The replies, but for that to QUIT, which follows the one of interest. */
static size_t
mail_on_reply(char *data, size_t size, size_t count, void *arg)
{
	struct mail_session *s = arg;
	size_t len = size * count;

	tls_guard_progress(&s->guard);
	if (s->accepted_at || (len > 3 && memcmp(data, "221", 3) == 0))
		return len;
	free(s->reply);
	s->reply = printable_last_line(data, len, REPLY_MAX); /* without its line end */
	if (s->sent == s->text.len && s->text.len && data[0] == '2')
		s->accepted_at = mail_now();
	return len;
}

static int
mail_on_progress(void *arg, curl_off_t a _unused_, curl_off_t b _unused_, curl_off_t c _unused_, curl_off_t d _unused_)
{
	struct mail_session *s = arg;

	tls_guard_renew(&s->guard);
	return atomic_load(&s->is_cancelled) || (s->accepted_at && mail_now() - s->accepted_at > QUIT_SEC);
}

static CURLcode
mail_on_tls(CURL *easy _unused_, void *ctx, void *arg)
{
	return tls_guard_apply(arg, ctx, true) < 0 ? CURLE_SSL_ENGINE_INITFAILED : CURLE_OK;
}

static curl_socket_t
mail_on_socket(void *arg _unused_, curlsocktype purpose _unused_, struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void
mail_set_trust(struct mail_session *s, CURL *easy)
{
	curl_easy_setopt(
		easy, CURLOPT_USE_SSL, (long)(s->security == MAIL_STARTTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, mail_on_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &s->guard);
	if (s->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file);
	}
}

static void
mail_set_limits(struct mail_session *s, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(s->timeout_ms / 1000 + 1));
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* QUIT within this call, whose limits hold */
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, mail_on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, s);
}

/* Owned by the caller: curl_slist_free_all(). */
static struct curl_slist *
mail_set_up(struct mail_session *s, CURL *easy)
{
	_cleanup_free_ char *from = xasprintf("<%s>", s->from);
	struct curl_slist *to = NULL;

	for (size_t i = 0; i < s->to.count; i++) {
		_cleanup_free_ char *address = xasprintf("<%s>", s->to.items[i]);

		to = curl_slist_append(to, address);
	}
	curl_easy_setopt(easy, CURLOPT_URL, s->url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->curl_text);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, s->resolve);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, mail_on_socket);
	if (s->user) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, s->password);
	}
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, mail_on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, mail_on_reply);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, mail_on_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
	mail_set_trust(s, easy);
	mail_set_limits(s, easy);
	return to;
}

static void
mail_tls_error(struct mail_session *s, CURL *easy, const char *text)
{
	long verify = X509_V_OK;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	error_set(&s->err, ERROR_TLS, "the certificate of mail server '%s' is not accepted: %s; see --ca-file", s->host,
		verify != X509_V_OK ? X509_verify_cert_error_string(verify) : text);
}

static void
mail_set_error(struct mail_session *s, CURL *easy, CURLcode code)
{
	const char *text = *s->curl_text ? s->curl_text : curl_easy_strerror(code);
	const char *reply = s->reply ? s->reply : "";
	bool is_refusal = *reply == '4' || *reply == '5';
	/* RFC 5321 s4.2.1. Before MAIL it is not about the message: curl has another code for greeting and EHLO. */
	bool is_for_good = *reply == '5' && (s->sent > 0 || code == CURLE_SEND_ERROR);

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		mail_tls_error(s, easy, text);
	else if (code == CURLE_SSL_CACERT_BADFILE)
		error_set(&s->err, ERROR_TLS, "CA file '%s' cannot be used: %s",
			s->ca_file ? s->ca_file : "of the system", text);
	else if (code == CURLE_USE_SSL_FAILED)
		error_set(&s->err, ERROR_TLS, "mail server '%s' port %s does not offer STARTTLS", s->host, s->port);
	else if (code == CURLE_SSL_CONNECT_ERROR)
		error_set(&s->err, ERROR_TLS, "TLS with mail server '%s' port %s failed: %s", s->host, s->port, text);
	else if (code == CURLE_LOGIN_DENIED)
		error_set(&s->err, ERROR_DENIED, "mail server '%s' refuses the user '%s': %s", s->host,
			s->user ? s->user : "", is_refusal ? reply : text);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		error_set(&s->err, ERROR_TIMEOUT, "mail server '%s' port %s: %s", s->host, s->port, text);
	else if (is_refusal)
		error_set(&s->err, is_for_good ? ERROR_INVALID : ERROR_STATE,
			"mail server '%s' refused the message: %s", s->host, reply);
	else
		error_set(&s->err, ERROR_NETWORK, "mail server '%s' port %s: %s", s->host, s->port, text);
	s->err.may_retry = s->err.code != ERROR_INVALID;
}

static void
mail_run(void *arg)
{
	struct mail_session *s = arg;
	CURL *easy = curl_easy_init();
	struct curl_slist *to;
	CURLcode code;

	if (!easy)
		abort(); /* out of memory */
	tls_guard_renew(&s->guard);
	to = mail_set_up(s, easy);
	code = curl_easy_perform(easy);
	/* Whatever became of QUIT: the server has taken the mail. */
	if (code != CURLE_OK && !s->accepted_at)
		mail_set_error(s, easy, code);
	curl_easy_cleanup(easy);
	curl_slist_free_all(to);
}

/* --- on the loop --- */

static void
mail_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
session_free(struct mail_session *s)
{
	DL_DELETE(s->mail->sessions, s);
	http_hosts_cancel(&s->wait);
	loop_timer_cancel(&s->timer);
	free(s->url);
	free(s->host);
	free(s->port);
	free(s->ca_file);
	free(s->user);
	mail_wipe(s->password);
	free(s->from);
	strlist_clear(&s->to);
	buf_clear(&s->text);
	curl_slist_free_all(s->resolve);
	free(s->reply);
	error_clear(&s->err);
	free(s);
}

static void
session_end(void *arg)
{
	struct mail_session *s = arg;
	mail_done_fn *done = s->done;
	void *done_arg = s->arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *reply = xstrdup(s->reply ? s->reply : "");
	bool is_orphaned = s->is_orphaned;

	error_move(&err, &s->err);
	session_free(s);
	if (!is_orphaned)
		done(error_is_set(&err) ? &err : NULL, reply, done_arg);
}

/* "host:port:address,address": curl then resolves nothing. */
static void
session_start(struct mail_session *s, const struct strlist *addresses)
{
	_cleanup_buf_ struct buf entry = BUF_INIT;

	buf_printf(&entry, "%s:%s:", s->host, s->port);
	for (size_t i = 0; i < addresses->count && i < MAX_ADDRESSES; i++)
		buf_printf(&entry, strchr(addresses->items[i], ':') ? "%s[%s]" : "%s%s", i ? "," : "",
			addresses->items[i]);
	if (!(addresses->count == 1 && strcmp(addresses->items[0], s->host) == 0))
		s->resolve = curl_slist_append(NULL, buf_str(&entry));
	s->is_running = true;
	workers_run(s->mail->workers, mail_run, session_end, s);
}

static void
mail_on_addresses(const struct strlist *addresses, const struct error *err, void *arg)
{
	struct mail_session *s = arg;

	if (!err) {
		session_start(s, addresses);
		return;
	}
	error_copy(&s->err, err);
	loop_timer_set(&s->timer, 0);
}

static void *
http_mail_send(void *self, const struct mail_request *req, mail_done_fn *done, void *arg)
{
	struct http_mail *mail = self;
	struct mail_session *s = xcalloc(1, sizeof(*s));
	bool is_bracketed = req->host[0] == '[';
	const struct strlist *addresses;

	s->mail = mail;
	s->done = done;
	s->arg = arg;
	s->wait = (struct http_host_wait){ .fn = mail_on_addresses, .arg = s };
	loop_timer_init(&s->timer, mail->loop, session_end, s);
	s->url = xasprintf("%s://%s:%s", req->security == MAIL_TLS ? "smtps" : "smtp", req->host, req->port);
	s->host = is_bracketed ? xstrndup(req->host + 1, strlen(req->host) - 2) : xstrdup(req->host);
	s->port = xstrdup(req->port);
	s->security = req->security;
	s->ca_file = xstrdup_null(req->ca_file);
	s->user = xstrdup_null(req->user);
	s->password = xstrdup_null(req->password);
	s->from = xstrdup(req->from);
	strlist_copy(&s->to, req->to);
	buf_add(&s->text, req->text->data, req->text->len);
	s->timeout_ms = req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS;
	DL_APPEND(mail->sessions, s);
	addresses = http_hosts_get(mail->hosts, s->host, &s->wait);
	if (addresses)
		session_start(s, addresses);
	return s;
}

static void
http_mail_cancel(void *self _unused_, void *handle)
{
	struct mail_session *s = handle;

	if (!s->is_running) {
		session_free(s);
		return;
	}
	s->is_orphaned = true;
	atomic_store(&s->is_cancelled, true);
}

static const struct mail_ops http_mail_ops = { .send = http_mail_send, .cancel = http_mail_cancel };

struct http_mail *
http_mail_new(struct loop *loop, struct dns *dns)
{
	struct http_mail *mail = xcalloc(1, sizeof(*mail));

	mail->transport = (struct mail){ .ops = &http_mail_ops, .self = mail };
	mail->loop = loop;
	mail->hosts = http_hosts_new(loop, dns);
	mail->workers = workers_new(loop, 1);
	return mail;
}

void
http_mail_free(struct http_mail *mail)
{
	struct mail_session *s, *next;

	if (!mail)
		return;
	DL_FOREACH_SAFE(mail->sessions, s, next) {
		http_mail_cancel(mail, s);
	}
	workers_free(mail->workers);
	http_hosts_free(mail->hosts);
	free(mail);
}

const struct mail *
http_mail_transport(struct http_mail *mail)
{
	return &mail->transport;
}
