/*
 * ctl/declare/declaration.h: declarations as a file.
 * The file has a mapping for each collection, from an object's name to its properties. References are names, and
 * secrets are given by their location:
 *
 *   dnsProviders:
 *     ns1:
 *       kind: rfc2136
 *       server: 192.0.2.53
 *       tsigKey:
 *         credential: dnsProvider.ns1.tsigKey
 *
 * A secret is {file: PATH} (relative to the file's directory; also tsigKeyFile: PATH), or {credential: NAME}: a file in
 * certctl's $CREDENTIALS_DIRECTORY (systemd.exec(5)).
 */
#ifndef CTL_DECLARE_DECLARATION_H
#define CTL_DECLARE_DECLARATION_H

#include "common/api/api.h"

struct yaml_file;

/* The name of the collection in the file: "autoCertificates". Owned by the caller. */
char *
declaration_key(const struct api_resource *resource);

/*
 * declaration_resources() - the resources that such a file may contain, each after those that it refers to
 * @ret: room for API_RESOURCE_COUNT. Return: their number.
 */
size_t
declaration_resources(const struct api_resource **ret);

/*
 * declaration_check() - check the objects that a file declares
 * @ret: owned by the caller: {"autoCertificates": {NAME: {"properties": {..}, "secrets": {..}}}}; only collections that
 * the file has. Properties are checked by the API's tables and made canonical. Secrets are keyed by path
 * ("externalAccountBinding.keySecret") and unchanged: {"file": ..} or {"credential": ..}.
 * ERROR_INVALID: "line 7: ..." with the fault and the nearest valid word.
 */
int
declaration_check(const struct yaml_file *file, struct json_object **ret, struct error *err);

/*
 * declaration_secret() - read the secret that @reference points to
 * @directory: the base of a relative path
 * Return: 1 and @ret (owned by the caller), 0 absent and @err says where it was looked for, -1 failed.
 */
int
declaration_secret(struct json_object *reference, const char *directory, struct json_object **ret, struct error *err);

/* The credential name that dump writes for a secret: "dnsProvider.ns1.tsigKey". Owned by the caller. */
char *
declaration_credential(const struct api_resource *resource, const char *name, const char *path);

/* Sets @path ("a.b") in @properties, creating the objects in between. @value: taken. */
void
declaration_put(struct json_object *properties, const char *path, struct json_object *value);

#endif
