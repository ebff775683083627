/* ctl/base/export.h: certificate.export from the client's side. */
#ifndef CTL_BASE_EXPORT_H
#define CTL_BASE_EXPORT_H

#include "common/crypto/secret.h"
#include "ctl/base/ctl.h"

/*
 * export_find() - the certificate that @name means: a certificate's name or id, else an auto-certificate's, for its newest
 * @ret: the object, owned by the caller
 */
int
export_find(struct ctl *ctl, const char *name, struct json_object **ret, struct error *err);

/* Writes into @fd (borrowed). @params: taken; certificate.export's, with "ref". */
int
export_to(struct ctl *ctl, struct json_object *params, int fd, struct error *err);

/* export_to() into memory. */
int
export_to_secret(struct ctl *ctl, struct json_object *params, struct secret *ret, struct error *err);

#endif
