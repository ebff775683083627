/*
 * daemon/rollout/consumer_kind.h: a kind of consumers: how to notify one that its files changed. Each row of
 * CONSUMER_KINDS (common/api/consumer_kinds.h) has its struct consumer_kind, consumer_kind_<kind>, in its own file.
 *
 * All kinds pass these values (X_CERTD_NAME in the datagram, CERTD_NAME in the environment, and so on):
 *   NAME        of the auto-certificate or     CERTIFICATE  its id
 *               imported certificate
 *   DIRECTORY   of the drop                    GENERATION   as in manifest.json
 *   SERIAL      hexadecimal with colons        DOMAINS      names, separated by blanks
 * A batch has NAMES, CERTIFICATES and DIRECTORIES instead, with one line for each certificate.
 */
#ifndef DAEMON_ROLLOUT_CONSUMER_KIND_H
#define DAEMON_ROLLOUT_CONSUMER_KIND_H

#include "common/api/consumer_kinds.h"
#include "daemon/rollout/activate.h"

struct consumer_kind {
	const char *name;
	bool is_serial; /* a consumer is notified of one certificate at a time, or of a batch */
	bool has_test;  /* before it loads the files the consumer tests them: activation_tested() */
	bool needs_key; /* it hands the private key to the consumer */
	bool is_batch;  /* what it does is the same for one certificate and for many; else the setting batch decides */
	/*
	 * Are the settings of @consumer, which has those that are required, valid? Return: 0, or -1 with the field,
	 * without "properties.". NULL: all are.
	 */
	int (*check)(const struct consumer *consumer, struct error *err);
	/*
	 * Notifies the consumer. @request: borrowed for the call.
	 * Return: 0 notified, -1 failed, 1 running: *@ret_work is set, and activation_end() follows, from the loop.
	 * NULL: nothing to do.
	 */
	int (*start)(struct activation *activation, struct loop *loop, const struct activate_request *request,
		void **ret_work, struct error *err);
	/* Stops the work that start() began. */
	void (*cancel)(void *work);
};

#define CONSUMER_KIND_DECLARE(kind, help) extern const struct consumer_kind consumer_kind_##kind;
CONSUMER_KINDS(CONSUMER_KIND_DECLARE)

/* The consumer's kind. Never NULL: an unknown one is treated as the default. */
const struct consumer_kind *
consumer_kind_of(const struct consumer *consumer);

/* consumer_check() - is everything there that @consumer's kind requires, and valid? Return: 0, or -1 with the field. */
int
consumer_check(const struct consumer *consumer, struct error *err);

/* Is it notified once of all certificates that change within a moment? */
bool
consumer_is_batch(const struct consumer *consumer);

/* The consumer has accepted the files; they are not in use yet. */
void
activation_tested(struct activation *activation);

/* The work that start() began has ended. @err: NULL, or why it failed. May free the activation. */
void
activation_end(struct activation *activation, const struct error *err);

/* Appends NAME=value lines, each name with @prefix, to @ret. */
void
consumer_kind_describe(const struct activate_request *request, const char *prefix, struct strlist *ret);

#endif
