/*
 * ctl/declare/declaration.h: declarations as a file: a mapping for each collection, with the properties of each object by its
 * name, references by name, and secrets only by where they are:
 *
 *   dnsProviders:
 *     ns1:
 *       kind: rfc2136
 *       server: 192.0.2.53
 *       tsigKey:
 *         credential: dnsProvider.ns1.tsigKey
 *
 * A secret is {file: PATH} (beside the file, if PATH is not absolute; also tsigKeyFile: PATH), or {credential: NAME}: a
 * file in certctl's $CREDENTIALS_DIRECTORY (systemd.exec(5)).
 */
#ifndef CTL_DECLARE_DECLARATION_H
#define CTL_DECLARE_DECLARATION_H

#include "common/api/api.h"

struct yaml_file;

/* The collection's word in the file: "autoCertificates". Owned by the caller. */
char *
declaration_key(const struct api_resource *resource);

/*
 * declaration_resources() - the resources that such a file has, each behind those that it refers to
 * @ret: room for API_RESOURCE_COUNT. Return: how many.
 */
size_t
declaration_resources(const struct api_resource **ret);

/*
 * declaration_check() - the objects that a file declares
 * @ret: owned by the caller: {"autoCertificates": {NAME: {"properties": {..}, "secrets": {..}}}}; only collections that
 * the file has. Properties are checked by the API's tables and in their canonical form; secrets are by path
 * ("externalAccountBinding.keySecret"), as they stand in the file: {"file": ..} or {"credential": ..}.
 * ERROR_INVALID: "line 7: ..." with what is wrong, and the nearest word that would be right.
 */
int
declaration_check(const struct yaml_file *file, struct json_object **ret, struct error *err);

/*
 * declaration_secret() - the secret that @reference means
 * @directory: what a relative file is beside
 * Return: 1 and @ret (owned by the caller), 0 it is not there and @err says where it was looked for, -1 failed.
 */
int
declaration_secret(struct json_object *reference, const char *directory, struct json_object **ret, struct error *err);

/* The credential that dump names for a secret: "dnsProvider.ns1.tsigKey". Owned by the caller. */
char *
declaration_credential(const struct api_resource *resource, const char *name, const char *path);

/* @value at @path ("a.b") in @properties, with the objects on the way. @value: taken. */
void
declaration_put(struct json_object *properties, const char *path, struct json_object *value);

#endif
