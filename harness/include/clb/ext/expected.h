/* clb/ext/expected.h: extension "clb.x-expected/1" of a method. Checks of `clbench validate` that the method is known to fail, with the
 * reason that is then shown instead of a failure. A check that is named here and passes is a failure: the declaration is out of date.
 *
 * The host asks clb_method.get_extension(NULL, CLB_EXT_EXPECTED): it needs no object.
 */
#ifndef CLB_EXT_EXPECTED_H
#define CLB_EXT_EXPECTED_H

#include "../abi.h"

#define CLB_EXT_EXPECTED "clb.x-expected/1"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_expected_failure {
  uint32_t struct_size;
  uint32_t reserved;
  const char* check;  /* as `clbench validate --list` names it */
  const char* reason; /* one sentence */
} clb_expected_failure;

typedef struct clb_expected_failures {
  uint32_t struct_size;
  uint32_t count;
  const clb_expected_failure* failures;
  uint32_t stride;
  uint32_t reserved;
} clb_expected_failures;

#ifdef __cplusplus
}
#endif
#endif
