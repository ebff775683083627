/* ctl/base/export.h: the client side of certificate.export. */
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

/* Writes into @fd (borrowed). @params: taken; those of certificate.export, with "ref". */
int
export_to(struct ctl *ctl, struct json_object *params, int fd, struct error *err);

/* export_to() into memory. */
int
export_to_secret(struct ctl *ctl, struct json_object *params, struct secret *ret, struct error *err);

#endif
