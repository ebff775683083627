/* The content of a drop: the formats of a certificate and its key, and the manifest that describes them. */
#include "daemon/rollout/drop_private.h"

#include "common/crypto/key.h"
#include "common/json.h"
#include "common/timefmt.h"

#include <fcntl.h>
#include <string.h>

enum { MANIFEST_MAX = 64 * 1024 };

struct json_object *
drop_manifest_json(const struct certificate *cert, int64_t generation)
{
	struct json_object *m = json_object_new_object();

	json_add_string(m, "certificate", cert->o.id);
	json_add_string(m, "autoCertificate", cert->autocert);
	json_add_string(m, "name", cert->o.name);
	json_add_int(m, "generation", generation);
	json_add_string(m, "serialNumber", cert->serial);
	json_add_string(m, "sha256Fingerprint", cert->sha256);
	json_add_string(m, "commonName", cert->common_name);
	json_add_strlist(m, "names", &cert->names);
	json_add_time(m, "notBefore", cert->not_before_at);
	json_add_time(m, "notAfter", cert->not_after_at);
	if (key_der_place(&cert->key))
		json_add_string(m, "keyPlace", key_der_place(&cert->key));
	return m;
}

void
drop_files_clear(struct drop_files *f)
{
	secret_clear(&f->key);
	secret_clear(&f->bundle);
	buf_clear(&f->fullchain);
}

/* Only the pair that was verified at issue becomes visible, never a mixture. */
static int
check_pair(const struct drop_job *job, struct error *err)
{
	unsigned char pair[32];

	key_pair_digest(&job->key_der, job->leaf.data, job->leaf.len, pair);
	if (job->pair.len != sizeof(pair) || memcmp(job->pair.data, pair, sizeof(pair)) != 0)
		return error_set(
			err, ERROR_CORRUPT, "the stored key and certificate are not the pair that was verified");
	return 0;
}

int
drop_make_files(const struct drop_job *job, struct drop_files *f, struct error *err)
{
	if (check_pair(job, err) < 0 ||
		(!key_der_place(&job->key_der) && key_der_to_pem(&job->key_der, &f->key, err) < 0))
		return -1;
	buf_add(&f->fullchain, job->leaf.data, job->leaf.len);
	buf_add(&f->fullchain, job->chain.data, job->chain.len);
	secret_alloc(&f->bundle, f->key.len + f->fullchain.len);
	if (f->key.len)
		memcpy(f->bundle.data, f->key.data, f->key.len);
	memcpy(f->bundle.data + f->key.len, f->fullchain.data, f->fullchain.len);
	return 0;
}

bool
drop_read_manifest(int dirfd, struct drop_manifest *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *json = NULL;
	const char *id = NULL, *autocert = NULL, *not_after = NULL, *place = NULL;

	*ret = (struct drop_manifest){ .generation = 0 };
	if (buf_read_file(&text, dirfd, "manifest.json", MANIFEST_MAX, NULL) < 0)
		return false;
	json = json_parse(text.data, text.len, NULL);
	if (!json || json_get_int(json, "generation", 1, INT64_MAX, &ret->generation, NULL) != 1 ||
		json_get_string(json, "certificate", &id, NULL) != 1 || strlen(id) >= STORE_ID_SIZE)
		return false;
	memcpy(ret->certificate, id, strlen(id) + 1);
	if (json_get_string(json, "autoCertificate", &autocert, NULL) == 1 && strlen(autocert) < STORE_ID_SIZE)
		memcpy(ret->autocert, autocert, strlen(autocert) + 1);
	if (json_get_string(json, "notAfter", &not_after, NULL) == 1)
		time_parse_rfc3339(not_after, &ret->not_after_at);
	ret->has_key = json_get_string(json, "keyPlace", &place, NULL) != 1;
	return true;
}
