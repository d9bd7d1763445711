/* clb/ext/validation.h: extension "clb.x-validation/1" of a method. Values of parameters that make it small enough for the checks of
 * `clbench validate`, where its defaults compute for minutes or need gigabytes. They replace the defaults there and nowhere else.
 *
 * The host asks clb_method.get_extension(NULL, CLB_EXT_VALIDATION): it needs no object.
 */
#ifndef CLB_EXT_VALIDATION_H
#define CLB_EXT_VALIDATION_H

#include "../param.h"

#define CLB_EXT_VALIDATION "clb.x-validation/1"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_validation_values {
  uint32_t struct_size;
  uint32_t count;
  const clb_setting* values; /* of parameters of the table, of their types */
  uint32_t stride;
  uint32_t reserved;
} clb_validation_values;

#ifdef __cplusplus
}
#endif
#endif
