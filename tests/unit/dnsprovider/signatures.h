/*
 * tests/unit/dnsprovider/signatures.h: what the signed calls of services.c must contain, computed with sha1sum and
 * `openssl dgst` (time: 1800000000, at the service 5 s later).
 */
#ifndef TESTS_UNIT_DNSPROVIDER_SIGNATURES_H
#define TESTS_UNIT_DNSPROVIDER_SIGNATURES_H

#define OVH_SIGNATURE "fb4b2fcd7e63cbd303c8ae43febdca5f2c695b46"
#define GOOGLE_ASSERTION \
	"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJhbGciOiJSUzI1NiIsInR5c" \
	"CI6IkpXVCJ9.eyJpc3MiOiJjZXJ0ZEBwMS5pYW0uZ3NlcnZpY2VhY2NvdW50LmNvbSIsInNjb3BlIjoiaHR0cHM6Ly93d3cuZ29v" \
	"Z2xlYXBpcy5jb20vYXV0aC9uZGV2LmNsb3VkZG5zLnJlYWR3cml0ZSIsImF1ZCI6Imh0dHBzOi8vZG5zLmV4YW1wbGUub3JnL3Rv" \
	"a2VuIiwiaWF0IjoxODAwMDAwMDAwLCJleHAiOjE4MDAwMDM2MDB9.OSkJc43NuFkBib_zW_CvPKTORDzSr6qcgTvTw44N0gU8-w_" \
	"P4pjNwsE5uZQ7k6v8GpFeczzQ07_vSAU7hQO9yF8nqPleCKofdXK74aDGfblXu_SLPTYUce85Fz3sWA8qqzJ3MycKhWt-S8C9IV6" \
	"pUNh5TOyjzLf3YgF9KHLb2NiHMv89ybiJg0o8DG7z9ndibCI3zDtOvWFVSItedmhDQJEtPM_rLBLG1rjiJUT-8MI-bn5eoAGf5AT" \
	"QXalU4JuQ15HCy_tBHaGQ2E9jw4mS56JiBHzFUWx2r_mjkxSw7Ct4hFbs7ez_lA980zszyYJFXrH-H5gunK8xcVRIJ-UZNA"

#endif
