/* ctl/declare/current.h: what certd has of the resources that are declared. */
#ifndef CTL_DECLARE_CURRENT_H
#define CTL_DECLARE_CURRENT_H

#include "ctl/base/ctl.h"

/*
 * current_fetch() - all objects of all declared resources
 * @ret: owned by the caller: {"autoCertificates": {NAME: object as certd answers it}}. Ids of all of them are known to
 * ctl_name_of() then.
 */
int
current_fetch(struct ctl *ctl, struct json_object **ret, struct error *err);

/*
 * current_properties() - what is declared of @object: references as names; without its name, and without what is not
 * set, off or empty. Owned by the caller.
 */
struct json_object *
current_properties(struct ctl *ctl, const struct api_resource *resource, struct json_object *object);

#endif
