/*
 * common/api/api_words.h: error messages say what to do in the words of certctl, which most of their readers use. REST
 * clients have members and paths instead.
 */
#ifndef COMMON_API_API_WORDS_H
#define COMMON_API_API_WORDS_H

/*
 * api_words_for_rest() - @message with the members for the options in it, and paths for the commands
 * "renew with --force" -> "renew with force"; "certctl show dns ns1" -> "GET /dns-providers/ns1"; "certctl add-dns
 * --name NAME" -> "POST /dns-providers with name". A command that REST does not have is kept.
 * Return: owned by the caller.
 */
char *
api_words_for_rest(const char *message);

#endif
