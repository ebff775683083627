/* ctl/base/export.h: the client side of methods that write to a descriptor. */
#ifndef CTL_BASE_EXPORT_H
#define CTL_BASE_EXPORT_H

#include "common/crypto/secret.h"
#include "ctl/base/ctl.h"

/*
 * export_find() - find the certificate that @name refers to
 * @name is the name or id of a certificate, or of an auto-certificate, which stands for its newest certificate, or a
 * common name, which stands for the newest certificate with that name.
 * @ret: the object, owned by the caller
 */
int
export_find(struct ctl *ctl, const char *name, struct json_object **ret, struct error *err);

/*
 * Writes into @fd (borrowed). @method: one that takes a descriptor; @params: taken; @ret: the answer, owned by the
 * caller; NULL: not needed
 */
int
export_to(struct ctl *ctl, enum api_method_id method, struct json_object *params, int fd, struct json_object **ret,
	struct error *err);

/* export_to() into memory. */
int
export_to_secret(
	struct ctl *ctl, enum api_method_id method, struct json_object *params, struct secret *ret, struct error *err);

/* A whole file or none, with mode 0600, durable. As export_to(). */
int
export_to_file(struct ctl *ctl, enum api_method_id method, const char *path, struct json_object *params,
	struct json_object **ret, struct error *err);

#endif
