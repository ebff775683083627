/*
 * ctl/migrate/declare.h: from what a client has to declarations. An object that certd already has is left as it is, so
 * that a second run has nothing to do. Reads the client's certificates and keys, and changes nothing.
 */
#ifndef CTL_MIGRATE_DECLARE_H
#define CTL_MIGRATE_DECLARE_H

#include "ctl/migrate/clients.h"

#include <stdint.h>

struct declare_options {
	const char *email;           /* of accounts without an address; or NULL; all borrowed */
	const char *server;          /* of accounts without a URL; or NULL */
	const char *ca_file;         /* of new providers; or NULL */
	const char *dns;             /* DNS provider for certificates whose own way is not known; or NULL */
	bool keeps_files;            /* certd writes the client's files (keep.h) */
	const struct strlist *names; /* the certificates to take; empty: all */
};

/* A certificate and the auto-certificate that will adopt it have the same name. */
struct declared {
	struct json_object *wanted;  /* for plan_make(): only new objects; owned, as all below */
	struct json_object *imports; /* {NAME: parameters of certificate.create} */
	struct json_object *sources; /* {NAME: "/etc/letsencrypt/live/NAME/fullchain.pem, valid until .."} */
	struct strlist refused;      /* one line for each certificate that cannot be taken */
	struct strlist advice;       /* what remains to be done, one line each */
	size_t n_present;            /* certificates that are declared already */
};

/*
 * declare_found() - add declarations for what @found has
 * @objects, @present: what certd has, as in struct apply; borrowed
 * @now: UNIX seconds
 */
void
declare_found(const struct client_kind *kind, struct found *found, const struct declare_options *options,
	struct json_object *objects, struct json_object *present, int64_t now, struct declared *ret);

void
declared_init(struct declared *d);

void
declared_clear(struct declared *d);

#endif
