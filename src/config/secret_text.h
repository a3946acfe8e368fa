// SecretText under the name by which configuration calls it.
#pragma once

#include "core/secret_text.h"

namespace bamgate::config {

using bamgate::SecretText;

}  // namespace bamgate::config
