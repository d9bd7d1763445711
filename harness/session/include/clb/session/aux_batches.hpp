// Streams of CLB_SOURCE_AUX (clb/stream.h): unlabelled data of an asset beside the stream of tasks, in batches of their own size, endless
// where asked for.
#pragma once

#include <clb/session/assets.hpp>
#include <clb/session/batches.hpp>
#include <memory>

namespace clb::session {

// PluginError CLB_E_INVALID for what cannot be served.
std::unique_ptr<BatchSource> open_aux_batches(Session& session, const clb_stream_request& request, Assets& assets);

}  // namespace clb::session
