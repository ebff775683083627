/* ctl/declare/current.h: the current objects of all resources that can be declared. */
#ifndef CTL_DECLARE_CURRENT_H
#define CTL_DECLARE_CURRENT_H

#include "ctl/base/ctl.h"

/*
 * current_fetch() - fetch all objects of these resources
 * Afterwards ctl_name_of() knows the ids of all of them.
 * @ret: owned by the caller: {"autoCertificates": {NAME: object as certd returned it}}
 */
int
current_fetch(struct ctl *ctl, struct json_object **ret, struct error *err);

/*
 * current_check_name() - does a name in a declaration mean this object of current_fetch() and no other?
 * @object: or NULL. ERROR_EXISTS with the ids of all that have the name. Return: 0 or -1.
 */
int
current_check_name(const struct api_resource *resource, struct json_object *object, struct error *err);

/*
 * current_properties() - the declared properties of @object
 * References are names. The object's name is left out, and so are properties that are unset, off or empty.
 * Owned by the caller.
 */
struct json_object *
current_properties(struct ctl *ctl, const struct api_resource *resource, struct json_object *object);

#endif
