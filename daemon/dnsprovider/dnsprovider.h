/*
 * daemon/dnsprovider/dnsprovider.h: putting one TXT value into a zone and taking that value away again. A table of
 * drivers; one file per DNS API. All of it may be repeated: adding what is there and removing what is not succeed.
 */
#ifndef DAEMON_DNSPROVIDER_DNSPROVIDER_H
#define DAEMON_DNSPROVIDER_DNSPROVIDER_H

#include "daemon/store/object.h"

struct dns;
struct http;
struct loop;

/* What drivers work with; borrowed by all of them. */
struct dnsprovider_env {
	struct loop *loop;
	struct dns *dns;
	const struct http *http;
};

/* One value at one name. Strings are borrowed for the call, copied by the driver. */
struct dnsprovider_record {
	const char *zone; /* apex, no final dot; NULL: the driver finds out or needs none */
	const char *name; /* full owner name, no final dot, CNAMEs followed */
	const char *value;
};

/* Once, from the loop, never from inside the call. */
typedef void
dnsprovider_done_fn(const struct error *err, void *arg);

struct dnsprovider_op; /* an add or remove under way */

struct dnsprovider_driver {
	const char *kind; /* "rfc2136", "exec" */
	const char *help; /* one line, for `certctl add-dns --help` */
	/* Pure: are the settings of @d complete and sensible? The field is named in @err. */
	int (*check)(const struct dnsprovider *d, struct error *err);
	/* @d is borrowed for the call. */
	struct dnsprovider_op *(*change)(const struct dnsprovider_env *env, const struct dnsprovider *d,
		bool remove, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);
	/* @done is not called any more. */
	void (*cancel)(struct dnsprovider_op *op);
};

/* NULL: unknown kind. */
const struct dnsprovider_driver *
dnsprovider_driver(const char *kind);

/* @index from 0; NULL behind the last. */
const struct dnsprovider_driver *
dnsprovider_driver_at(size_t index);

#endif
