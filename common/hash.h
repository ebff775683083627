/* common/hash.h: FNV-1a, 64 bit, for spreading values. Not one-way, and not for keys that an attacker may choose. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stdint.h>

#define HASH_FNV1A_BASIS UINT64_C(0xcbf29ce484222325)

/* @hash: HASH_FNV1A_BASIS, or the hash of the preceding text. */
static inline uint64_t
hash_fnv1a(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
