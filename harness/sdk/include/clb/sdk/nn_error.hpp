// The one table from what nn, base and LibTorch throw to statuses of the ABI: at the border of a method's plugin, and inside the host.
#pragma once

#include <c10/util/Exception.h>
#include <clb/abi.h>

#include <clb/base/error.hpp>
#include <clb/nn/error.hpp>
#include <clb/sdk/error.hpp>
#include <utility>

namespace clb {

inline clb_status status_of(nn::ErrorKind kind) {
  switch (kind) {
    case nn::ErrorKind::kInvalid:
      return CLB_E_INVALID;
    case nn::ErrorKind::kUnsupported:
      return CLB_E_UNSUPPORTED;
    case nn::ErrorKind::kNumeric:
      return CLB_E_NUMERIC;
    case nn::ErrorKind::kIo:
      return CLB_E_IO;
    case nn::ErrorKind::kState:
      return CLB_E_STATE;
    default:
      return CLB_E_INTERNAL;
  }
}

// Runs call(); what it throws leaves as a PluginError with its status. LibTorch's exceptions carry a stack trace in what(): the record
// wants the sentence.
template <class Call>
void with_statuses(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const nn::Error& e) {
    throw PluginError(status_of(e.kind()), e.what(), "", 0);
  } catch (const base::Error& e) {  // of a reader: a file of weights
    throw PluginError(e.exit() == base::Exit::kUserMistake ? CLB_E_IO : CLB_E_INTERNAL, e.what(), "", 0);
  } catch (const c10::OutOfMemoryError& e) {
    throw PluginError(CLB_E_NO_MEMORY, e.what_without_backtrace(), "", 0);
  } catch (const c10::LinAlgError& e) {
    throw PluginError(CLB_E_NUMERIC, e.what_without_backtrace(), "", 0);
  } catch (const c10::Error& e) {
    throw PluginError(CLB_E_INTERNAL, e.what_without_backtrace(), "", 0);
  }
}

}  // namespace clb
