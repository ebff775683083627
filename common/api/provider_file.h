/*
 * common/api/provider_file.h: the exported file of a provider: a sealed block (common/crypto/sealed.h) of a line of
 * JSON {version, properties, accountUrl}, a line PROVIDER_FILE_EAB MAC-KEY if there is one, and the account key, PEM.
 */
#ifndef COMMON_API_PROVIDER_FILE_H
#define COMMON_API_PROVIDER_FILE_H

#define PROVIDER_FILE_LABEL "CERTD PROVIDER"
#define PROVIDER_FILE_EAB "eab "

enum { PROVIDER_FILE_VERSION = 1 };

#endif
