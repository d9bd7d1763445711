/* The layout of every struct of the ABI on LP64, member by member. A change here is a change of the ABI: members are only appended, so
 * a line may be added at the end of a struct and its SIZE may grow, and nothing else. Compiled as C11 (abi_c11.c) and as C++17
 * (abi_cxx17.cpp).
 */
#include <clb/abi.h>
#include <clb/batch.h>
#include <clb/dataset.h>
#include <clb/ext/assets.h>
#include <clb/ext/expected.h>
#include <clb/ext/features.h>
#include <clb/ext/memory.h>
#include <clb/ext/part_hash.h>
#include <clb/ext/text.h>
#include <clb/ext/text_features.h>
#include <clb/ext/trace.h>
#include <clb/ext/validation.h>
#include <clb/ext/weights.h>
#include <clb/host.h>
#include <clb/meta.h>
#include <clb/method.h>
#include <clb/param.h>
#include <clb/state.h>
#include <clb/stream.h>

#ifdef __cplusplus
#define CHECK(condition, text) static_assert(condition, text)
#else
#define CHECK(condition, text) _Static_assert(condition, text)
#endif

#define SIZE(type, bytes) CHECK(sizeof(type) == (bytes), "size of " #type)
#define AT(type, member, offset) CHECK(offsetof(type, member) == (offset), "offset of " #type "." #member)

CHECK(sizeof(void*) == 8 && sizeof(long) == 8 && sizeof(double) == 8, "the ABI is defined on LP64");

/* meta.h */
AT(clb_plugin_meta_t, struct_size, 0);
AT(clb_plugin_meta_t, kind, 4);
AT(clb_plugin_meta_t, magic, 8);
AT(clb_plugin_meta_t, abi_major, 16);
AT(clb_plugin_meta_t, abi_minor, 20);
AT(clb_plugin_meta_t, capabilities, 24);
AT(clb_plugin_meta_t, cxx11_abi, 32);
AT(clb_plugin_meta_t, reserved, 36);
AT(clb_plugin_meta_t, id, 40);
AT(clb_plugin_meta_t, version, 104);
AT(clb_plugin_meta_t, libtorch, 136);
AT(clb_plugin_meta_t, compiler, 168);
AT(clb_plugin_meta_t, summary, 232);
SIZE(clb_plugin_meta_t, 424);

/* param.h */
AT(clb_value, type, 0);
AT(clb_value, count, 4);
AT(clb_value, as, 8);
SIZE(clb_value, 16);

AT(clb_param, struct_size, 0);
AT(clb_param, choice_count, 4);
AT(clb_param, name, 8);
AT(clb_param, help, 16);
AT(clb_param, default_value, 24);
AT(clb_param, min, 40);
AT(clb_param, max, 48);
AT(clb_param, choices, 56);
AT(clb_param, implies, 64);
AT(clb_param, implied_when, 72);
AT(clb_param, counts, 88);
AT(clb_param, reserved, 92);
AT(clb_param, neutral, 96);
AT(clb_param, group, 112);
AT(clb_param, implications, 120);
AT(clb_param, implication_count, 128);
AT(clb_param, implication_stride, 132);
SIZE(clb_param, 136);

AT(clb_implication, struct_size, 0);
AT(clb_implication, reserved, 4);
AT(clb_implication, when, 8);
AT(clb_implication, capabilities, 24);
SIZE(clb_implication, 32);

AT(clb_setting, struct_size, 0);
AT(clb_setting, reserved, 4);
AT(clb_setting, name, 8);
AT(clb_setting, value, 16);
SIZE(clb_setting, 32);

/* state.h */
AT(clb_writer, struct_size, 0);
AT(clb_writer, reserved, 4);
AT(clb_writer, self, 8);
AT(clb_writer, write, 16);
SIZE(clb_writer, 24);

AT(clb_reader, struct_size, 0);
AT(clb_reader, reserved, 4);
AT(clb_reader, self, 8);
AT(clb_reader, read, 16);
SIZE(clb_reader, 24);

/* batch.h */
AT(clb_part, struct_size, 0);
AT(clb_part, reserved, 4);
AT(clb_part, name, 8);
AT(clb_part, tensor, 16);
SIZE(clb_part, 24);

AT(clb_batch, struct_size, 0);
AT(clb_batch, part_count, 4);
AT(clb_batch, parts, 8);
AT(clb_batch, part_stride, 16);
AT(clb_batch, n, 24);
AT(clb_batch, epoch, 32);
AT(clb_batch, step, 40);
SIZE(clb_batch, 48);

AT(clb_question, struct_size, 0);
AT(clb_question, part_count, 4);
AT(clb_question, parts, 8);
AT(clb_question, part_stride, 16);
AT(clb_question, n, 24);
AT(clb_question, columns, 32);
AT(clb_question, column_count, 40);
AT(clb_question, step, 48);
SIZE(clb_question, 56);

/* stream.h */
AT(clb_stream_request, struct_size, 0);
AT(clb_stream_request, sources, 4);
AT(clb_stream_request, view, 8);
AT(clb_stream_request, part_count, 12);
AT(clb_stream_request, parts, 16);
AT(clb_stream_request, shuffle, 24);
AT(clb_stream_request, drop_last, 28);
AT(clb_stream_request, batch_size, 32);
AT(clb_stream_request, epochs, 40);
AT(clb_stream_request, sample_ids, 48);
AT(clb_stream_request, sample_id_count, 56);
AT(clb_stream_request, aux, 64);
SIZE(clb_stream_request, 72);

AT(clb_stream_info, struct_size, 0);
AT(clb_stream_info, flags, 4);
AT(clb_stream_info, samples, 8);
AT(clb_stream_info, batches_per_epoch, 16);
AT(clb_stream_info, batches, 24);
AT(clb_stream_info, dropped, 32);
SIZE(clb_stream_info, 40);

/* host.h */
AT(clb_host, struct_size, 0);
AT(clb_host, reserved, 4);
AT(clb_host, self, 8);
AT(clb_host, log, 16);
AT(clb_host, set_error, 24);
AT(clb_host, progress, 32);
AT(clb_host, get_extension, 40);
AT(clb_host, stream_open, 48);
AT(clb_host, stream_info, 56);
AT(clb_host, stream_next, 64);
AT(clb_host, stream_close, 72);
AT(clb_host, metric, 80);
AT(clb_host, derive_key, 88);
SIZE(clb_host, 96);

/* method.h */
AT(clb_session, struct_size, 0);
AT(clb_session, precision, 4);
AT(clb_session, host, 8);
AT(clb_session, settings, 16);
AT(clb_session, setting_count, 24);
AT(clb_session, setting_stride, 28);
AT(clb_session, device_type, 32);
AT(clb_session, device_index, 36);
AT(clb_session, image_height, 40);
AT(clb_session, image_width, 48);
SIZE(clb_session, 56);

AT(clb_task, struct_size, 0);
AT(clb_task, reserved, 4);
AT(clb_task, index, 8);
AT(clb_task, domain, 16);
AT(clb_task, labels, 24);
AT(clb_task, label_count, 32);
AT(clb_task, classes_seen, 40);
AT(clb_task, task_count, 48);
AT(clb_task, class_count, 56);
SIZE(clb_task, 64);

AT(clb_inputs, struct_size, 0);
AT(clb_inputs, part_count, 4);
AT(clb_inputs, parts, 8);
SIZE(clb_inputs, 16);

AT(clb_method, struct_size, 0);
AT(clb_method, state_version, 4);
AT(clb_method, paper, 8);
AT(clb_method, params, 16);
AT(clb_method, param_count, 24);
AT(clb_method, param_stride, 28);
AT(clb_method, create, 32);
AT(clb_method, destroy, 40);
AT(clb_method, begin_task, 48);
AT(clb_method, train_task, 56);
AT(clb_method, end_task, 64);
AT(clb_method, inputs, 72);
AT(clb_method, predict, 80);
AT(clb_method, save, 88);
AT(clb_method, load, 96);
AT(clb_method, get_extension, 104);
AT(clb_method, roles, 112);
AT(clb_method, role_count, 120);
AT(clb_method, reserved, 124);
AT(clb_method, capabilities, 128);
AT(clb_method, assets, 136);
AT(clb_method, sources, 144);
AT(clb_method, asset_count, 152);
AT(clb_method, source_count, 156);
AT(clb_method, describe, 160);
SIZE(clb_method, 168);

/* dataset.h */
AT(clb_order, struct_size, 0);
AT(clb_order, reserved, 4);
AT(clb_order, name, 8);
AT(clb_order, ids, 16);
SIZE(clb_order, 24);

AT(clb_dataset_session, struct_size, 0);
AT(clb_dataset_session, reserved, 4);
AT(clb_dataset_session, host, 8);
AT(clb_dataset_session, root, 16);
AT(clb_dataset_session, settings, 24);
AT(clb_dataset_session, setting_count, 32);
AT(clb_dataset_session, setting_stride, 36);
SIZE(clb_dataset_session, 40);

AT(clb_dataset_info, struct_size, 0);
AT(clb_dataset_info, modality, 4);
AT(clb_dataset_info, class_names, 8);
AT(clb_dataset_info, class_count, 16);
AT(clb_dataset_info, domain_names, 24);
AT(clb_dataset_info, domain_count, 32);
AT(clb_dataset_info, height, 40);
AT(clb_dataset_info, width, 48);
AT(clb_dataset_info, channels, 56);
AT(clb_dataset_info, feature_dim, 64);
AT(clb_dataset_info, licence, 72);
AT(clb_dataset_info, citation, 80);
AT(clb_dataset_info, default_root, 88);
AT(clb_dataset_info, orders, 96);
AT(clb_dataset_info, order_count, 104);
AT(clb_dataset_info, order_stride, 108);
AT(clb_dataset_info, params, 112);
AT(clb_dataset_info, param_count, 120);
AT(clb_dataset_info, param_stride, 124);
AT(clb_dataset_info, splits, 128);
AT(clb_dataset_info, split_count, 136);
AT(clb_dataset_info, domain_order_count, 140);
AT(clb_dataset_info, domain_orders, 144);
AT(clb_dataset_info, readable_names, 152);
AT(clb_dataset_info, templates, 160);
AT(clb_dataset_info, template_count, 168);
AT(clb_dataset_info, group_names, 176);
AT(clb_dataset_info, class_groups, 184);
AT(clb_dataset_info, group_count, 192);
AT(clb_dataset_info, notes, 200);
AT(clb_dataset_info, note_count, 208);
SIZE(clb_dataset_info, 216);

AT(clb_index, struct_size, 0);
AT(clb_index, reserved, 4);
AT(clb_index, count, 8);
AT(clb_index, labels, 16);
AT(clb_index, domains, 24);
SIZE(clb_index, 32);

AT(clb_sample, struct_size, 0);
AT(clb_sample, format, 4);
AT(clb_sample, bytes, 8);
AT(clb_sample, size, 16);
AT(clb_sample, height, 24);
AT(clb_sample, width, 32);
AT(clb_sample, channels, 40);
AT(clb_sample, name, 48);
SIZE(clb_sample, 56);

AT(clb_dataset, struct_size, 0);
AT(clb_dataset, reserved, 4);
AT(clb_dataset, describe, 8);
AT(clb_dataset, open, 16);
AT(clb_dataset, close, 24);
AT(clb_dataset, index, 32);
AT(clb_dataset, read, 40);
AT(clb_dataset, release, 48);
AT(clb_dataset, verify, 56);
AT(clb_dataset, get_extension, 64);
SIZE(clb_dataset, 72);

/* ext/assets.h */
AT(clb_asset, struct_size, 0);
AT(clb_asset, reserved, 4);
AT(clb_asset, bytes, 8);
AT(clb_asset, size, 16);
AT(clb_asset, sha256, 24);
SIZE(clb_asset, 32);

AT(clb_assets, struct_size, 0);
AT(clb_assets, reserved, 4);
AT(clb_assets, self, 8);
AT(clb_assets, open, 16);
SIZE(clb_assets, 24);

/* ext/expected.h */
AT(clb_expected_failure, struct_size, 0);
AT(clb_expected_failure, reserved, 4);
AT(clb_expected_failure, check, 8);
AT(clb_expected_failure, reason, 16);
SIZE(clb_expected_failure, 24);
AT(clb_expected_failures, struct_size, 0);
AT(clb_expected_failures, count, 4);
AT(clb_expected_failures, failures, 8);
AT(clb_expected_failures, stride, 16);
AT(clb_expected_failures, reserved, 20);
SIZE(clb_expected_failures, 24);

/* ext/features.h */
AT(clb_features, struct_size, 0);
AT(clb_features, reserved, 4);
AT(clb_features, self, 8);
AT(clb_features, dim, 16);
AT(clb_features, declare, 24);
SIZE(clb_features, 32);

AT(clb_extractor, struct_size, 0);
AT(clb_extractor, reserved, 4);
AT(clb_extractor, extract, 8);
SIZE(clb_extractor, 16);

/* ext/memory.h */
AT(clb_memory, struct_size, 0);
AT(clb_memory, reserved, 4);
AT(clb_memory, self, 8);
AT(clb_memory, set, 16);
SIZE(clb_memory, 24);

/* ext/part_hash.h */
AT(clb_part_hash, struct_size, 0);
AT(clb_part_hash, reserved, 4);
AT(clb_part_hash, self, 8);
AT(clb_part_hash, declare, 16);
SIZE(clb_part_hash, 24);

/* ext/text.h */
AT(clb_text, struct_size, 0);
AT(clb_text, reserved, 4);
AT(clb_text, self, 8);
AT(clb_text, class_name, 16);
AT(clb_text, templates, 24);
SIZE(clb_text, 32);

/* ext/text_features.h */
AT(clb_sentences, struct_size, 0);
AT(clb_sentences, flags, 4);
AT(clb_sentences, texts, 8);
AT(clb_sentences, count, 16);
SIZE(clb_sentences, 24);
AT(clb_text_features, struct_size, 0);
AT(clb_text_features, reserved, 4);
AT(clb_text_features, self, 8);
AT(clb_text_features, tokens, 16);
AT(clb_text_features, rows, 24);
AT(clb_text_features, class_rows, 32);
SIZE(clb_text_features, 40);

/* ext/trace.h */
AT(clb_trace, struct_size, 0);
AT(clb_trace, reserved, 4);
AT(clb_trace, self, 8);
AT(clb_trace, emit, 16);
SIZE(clb_trace, 24);

/* ext/validation.h */
AT(clb_validation_values, struct_size, 0);
AT(clb_validation_values, count, 4);
AT(clb_validation_values, values, 8);
AT(clb_validation_values, stride, 16);
AT(clb_validation_values, reserved, 20);
SIZE(clb_validation_values, 24);

/* ext/weights.h */
AT(clb_weights, struct_size, 0);
AT(clb_weights, reserved, 4);
AT(clb_weights, bytes, 8);
AT(clb_weights, size, 16);
AT(clb_weights, sha256, 24);
AT(clb_weights, options, 32);
SIZE(clb_weights, 40);

AT(clb_weights_source, struct_size, 0);
AT(clb_weights_source, reserved, 4);
AT(clb_weights_source, self, 8);
AT(clb_weights_source, open, 16);
SIZE(clb_weights_source, 24);
