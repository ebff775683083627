/*
 * daemon/service/token.h: bearer tokens of the REST server (RFC 6750). A token is "certd_<id>_<secret>": the id finds
 * its object, the secret (256 random bits, base64url) authenticates it. Only the SHA-256 of the secret is stored; 256
 * random bits cannot be guessed, so neither salt nor a slow hash is needed.
 */
#ifndef DAEMON_SERVICE_TOKEN_H
#define DAEMON_SERVICE_TOKEN_H

#include "daemon/service/peer.h"
#include "daemon/store/object.h"

enum {
	TOKEN_SECRET_LEN = 32,
	TOKEN_HASH_LEN = 32,
	TOKEN_TEXT_LEN = 6 + 36 + 1 + 43, /* "certd_", id, "_", secret */
	TOKEN_TEXT_SIZE = TOKEN_TEXT_LEN + 1
};

/*
 * token_make() - a new token for the object with that id
 * @ret_text: for the client, shown once; to be cleansed
 * @ret_hash: to be stored, replaced
 */
int
token_make(const char *id, char ret_text[TOKEN_TEXT_SIZE], struct buf *ret_hash, struct error *err);

/* The two parts of a token's text. Return: 1, 0 it is not a token. Pure. */
int
token_parse(const char *text, char ret_id[STORE_ID_SIZE], unsigned char ret_hash[TOKEN_HASH_LEN]);

/*
 * The token in the value of an Authorization header, "Bearer TOKEN" (RFC 6750 s2.1; the scheme in any case).
 * Return: 1, 0 there is none in certd's format. Pure.
 */
int
token_of_authorization(const char *value, char ret_text[TOKEN_TEXT_SIZE]);

/* Its expiry; 0: never. */
int64_t
token_expires_at(const struct token *token);

/*
 * token_authenticate() - find the owner of a token
 * @text: the token, from token_of_authorization()
 * @now: UNIX seconds
 * @ret: filled on 1, to be cleared: user_id is the token's id, label is "token:NAME"
 * The comparison takes the same time for every wrong secret.
 * Return: 1 known and valid, 0 unknown or expired, -1 failed.
 */
int
token_authenticate(struct store *store, const char *text, int64_t now, struct peer *ret, struct error *err);

#endif
