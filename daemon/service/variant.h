/*
 * daemon/service/variant.h: an auto-certificate with two keys (keyAlgorithms), such as an ECDSA and an RSA key. The
 * second one has an auto-certificate of its own, the variant (struct autocert, variant and variant_of): it is ordered,
 * deployed, probed and reported like any other. Its declaration is a function of the main one's, and is changed only
 * with it, in the same commit.
 */
#ifndef DAEMON_SERVICE_VARIANT_H
#define DAEMON_SERVICE_VARIANT_H

#include "daemon/service/resource.h"

/*
 * Reads keyAlgorithm and keyAlgorithms, of which one is declared, as sent in @properties, and refuses what a variant
 * cannot have. @a: with its consumers resolved. Return: 0 or -1.
 */
int
variant_read(struct call *call, struct autocert *a, struct json_object *properties, struct error *err);

/* Refuses a change of @a itself, if it is a variant: ERROR_STATE, with the name of the main one. Return: 0 or -1. */
int
variant_check_main(struct call *call, const struct autocert *a, struct error *err);

/*
 * Creates, changes or removes the variant of @a, which is about to be saved, and sets @a->variant. @is_new: @a is not
 * stored yet. Return: 0 or -1.
 */
int
variant_follow(struct call *call, struct autocert *a, bool is_new, struct error *err);

/*
 * Removes the variant of @a, which is removed. @has_certificates: and its certificates. @reasons: describes it there.
 * Return: 0 or -1.
 */
int
variant_remove(
	struct call *call, const struct autocert *a, bool has_certificates, struct strlist *reasons, struct error *err);

/* Loads the variant of @a. Return: 1; 0 it has none; -1 failed. */
int
variant_load(struct call *call, const struct autocert *a, struct autocert *ret, struct error *err);

#endif
