/*
 * daemon/base/http_result.c: the outcome of a request in one line for the operator: the host, the failure, and what to
 * do about it where that is known.
 */
#include "common/alloc.h"
#include "common/retry.h"
#include "daemon/base/http_private.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <unistd.h>

enum { LEAST_OCTETS = 4 }; /* a second, over half the time: the shortest real answer within 30 s has more */

static void
certificate_error(struct http_transfer *t, CURL *easy)
{
	long verify = X509_V_OK;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	const char *why = X509_verify_cert_error_string(verify);
	switch (verify) {
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED: /* curl's initial value: its own name check failed */
		error_set(&t->err, ERROR_TLS, "certificate of '%s' is not valid for that name: %s", t->host,
			t->curl_text);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		error_set(&t->err, ERROR_TLS, "certificate of '%s' is not trusted: %s; %s%s%s", t->host, why,
			t->ca_file ? "its root is not in '" : "set the CA's root with --ca-file",
			t->ca_file ? t->ca_file : "", t->ca_file ? "', see --ca-file" : "");
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		error_set(&t->err, ERROR_TLS, "certificate of '%s': %s; check the clock of this host", t->host, why);
		break;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		error_set(&t->err, ERROR_TLS,
			"certificate of '%s' is refused: its chain has a key that takes too long to verify with (RSA "
			"above 8192 bits, or a rare kind)",
			t->host);
		break;
	default:
		error_set(&t->err, ERROR_TLS, "certificate of '%s' is not valid: %s", t->host, why);
	}
}

/*
 * OpenSSL's protocol errors come from "SSL routines". A failure below that is a signature that does not match: a CA
 * that was set up again under its old name.
 */
static void
handshake_error(struct http_transfer *t, const char *text)
{
	if (strstr(text, "error:") && !strstr(text, "SSL routines"))
		error_set(&t->err, ERROR_TLS,
			"certificate of '%s' is not trusted: it was not signed by the root of that name in %s; set "
			"the CA's current root with --ca-file",
			t->host, t->ca_file ? t->ca_file : "the system's trust store");
	else
		error_set(&t->err, ERROR_TLS, "TLS handshake with '%s' port %s failed: %s", t->host, t->port, text);
}

static void
connect_error(struct http_transfer *t, CURL *easy, const char *text)
{
	long os_errno = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
	if (os_errno)
		text = strerror((int)os_errno);
	error_set(&t->err, ERROR_NETWORK, "cannot connect to '%s' port %s: %s", t->dialled_host, t->dialled_port, text);
}

/* The library only says that it failed. */
static void
ca_file_error(struct http_transfer *t, const char *text)
{
	if (t->ca_file && access(t->ca_file, R_OK) < 0)
		error_set(&t->err, ERROR_TLS,
			"CA file '%s' cannot be used: %s; certd's own user must be able to read it, and the service "
			"has no access to /home and /root and its own /tmp: put it next to certd.conf",
			t->ca_file, strerror(errno));
	else
		error_set(&t->err, ERROR_TLS, "CA file '%s' cannot be used: %s",
			t->ca_file ? t->ca_file : "of the system", text);
}

static void
other_error(struct http_transfer *t, CURL *easy, CURLcode code, const char *text)
{
	if (strstr(text, TLS_GUARD_NOISE)) {
		error_set(&t->err, ERROR_PROTOCOL, "'%s' port %s sends " TLS_GUARD_NOISE, t->host, t->port);
		t->err.may_retry = true;
		return;
	}
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		certificate_error(t, easy);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		ca_file_error(t, text);
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ENGINE_INITFAILED:
		handshake_error(t, text);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		error_set(&t->err, ERROR_TIMEOUT, "'%s' port %s is too slow: %s", t->host, t->port, text);
		break;
	case CURLE_COULDNT_CONNECT:
		connect_error(t, easy, text);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		error_set(&t->err, ERROR_DNS, "address of '%s': %s", t->dialled_host, text);
		break;
	case CURLE_OUT_OF_MEMORY: /* curl's own limit; when memory is exhausted, the process ends */
		error_set(&t->err, ERROR_LIMIT, "'%s' sent a header line that is too long", t->host);
		break;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		error_set(&t->err, ERROR_PROTOCOL, "the answer of '%s' is not valid HTTP: %s", t->host, text);
		break;
	default:
		error_set(&t->err, ERROR_NETWORK, "connection to '%s' port %s broke: %s", t->host, t->port, text);
	}
	t->err.may_retry = true;
}

void
http_transfer_result(struct http_transfer *t, CURL *easy, CURLcode code, int64_t now)
{
	char *target = NULL;
	long status = 0;

	if (t->is_header_too_large) {
		error_set(&t->err, ERROR_LIMIT, "'%s' sent more than %d octets of headers", t->host, HTTP_MAX_HEADERS);
	} else if (t->is_body_too_large || code == CURLE_FILESIZE_EXCEEDED) {
		error_set(&t->err, ERROR_LIMIT, "'%s' sent more than %zu octets", t->host, t->max_body);
	} else if (code != CURLE_OK) {
		other_error(t, easy, code, *t->curl_text ? t->curl_text : curl_easy_strerror(code));
	} else if (!t->is_header_whole) { /* curl accepts half a header when the connection ends in order */
		error_set(&t->err, ERROR_NETWORK, "connection to '%s' port %s broke in the middle of the header",
			t->host, t->port);
		t->err.may_retry = true;
	} else {
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		t->res.status = (int)status;
		/* curl reads a number of eight digits as a date, and takes the time from the system. */
		t->res.retry_after_sec = t->retry_after ? retry_after_read(t->retry_after, now) : 0;
		/* absolute, whereas Location may be relative to the request's URL */
		curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &target);
		if (target)
			str_replace(&t->res.location, target);
	}
}

bool
http_transfer_is_dripping(const struct http_transfer *t)
{
	int64_t octets = (int64_t)(t->header_octets + t->res.body.len);

	return t->header_octets && octets < LEAST_OCTETS * t->timeout_ms / 2000;
}

void
http_transfer_timed_out(struct http_transfer *t)
{
	curl_off_t ready_us = 0;
	long port = 0; /* ours, from TCP on; libcurl 7.88 measures the time of a connection up to the end of TLS */
	const char *phase = t->pass.is_waiting ? "waiting for a connection" : "address lookup";
	if (t->easy) {
		curl_easy_getinfo(t->easy, CURLINFO_LOCAL_PORT, &port);
		curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
		phase = t->header_octets ? "reading the answer"
			: ready_us       ? "waiting for the answer"
			: port           ? "TLS handshake"
					 : "connecting";
	}
	if (http_transfer_is_dripping(t))
		error_set(&t->err, ERROR_TIMEOUT, "'%s' port %s is too slow: %zu octets in %lld ms", t->host, t->port,
			t->header_octets + t->res.body.len, (long long)t->timeout_ms / 2);
	else
		error_set(&t->err, ERROR_TIMEOUT, "'%s' port %s: no complete answer within %lld ms (%s)", t->host,
			t->port, (long long)t->timeout_ms, phase);
	t->err.may_retry = true;
}
