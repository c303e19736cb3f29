// Written by tools/play_rules.py from the notebooks: change those, not this.
// b**t in every browser alike: multiplied out, with what each rounding takes away (Dekker 1971)
function power(b, t) {
  if (!Number.isInteger(t) || t < 0 || !(Math.abs(b) < 1e9)) return Math.pow(b, t)
  let result = [1, 0], square = [b, 0]
  for (let n = t; n > 0; n = Math.floor(n/2)) {
    if (n % 2) result = product(result, square)
    square = product(square, square)
  }
  return result[0] + result[1]
}

function product([a, da], [b, db]) {
  const p = a*b, [ah, al] = halves(a), [bh, bl] = halves(b)
  const rest = ((ah*bh - p) + ah*bl + al*bh) + al*bl + (a*db + da*b)
  return [p + rest, rest - ((p + rest) - p)]
}

function halves(x) {
  const high = 134217729*x - (134217729*x - x)
  return [high, x - high]
}

function sgd(p, g, { b }, t, { lr, momentum, dampening, weight_decay, nesterov, maximize }) {
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) gi = gi + weight_decay*p[i]
    if (momentum) {
      b[i] = b[i]*momentum
      if (t === 1) b[i] = b[i] + gi
      else b[i] = b[i] + (1 - dampening)*gi
      if (nesterov) p[i] = p[i] - lr*(gi + momentum*b[i])
      else p[i] = p[i] - lr*b[i]
    }
    else p[i] = p[i] - lr*gi
  }
}

function adagrad(p, g, { s }, t, { lr, lr_decay, weight_decay, eps, maximize }) {
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) gi = gi + weight_decay*p[i]
    s[i] = s[i] + gi*gi
    p[i] = p[i] - lr/(1 + (t - 1)*lr_decay)*gi/(Math.sqrt(s[i]) + eps)
  }
}

function rmsprop(p, g, { v, mean, b }, t, { lr, alpha, eps, weight_decay, momentum, centered, maximize }) {
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) gi = gi + weight_decay*p[i]
    v[i] = v[i]*alpha + (1 - alpha)*gi*gi
    if (centered) {
      mean[i] = mean[i] + (1 - alpha)*(gi - mean[i])
      if (momentum) {
        b[i] = b[i]*momentum + gi/(Math.sqrt(v[i] - mean[i]*mean[i]) + eps)
        p[i] = p[i] - lr*b[i]
      }
      else p[i] = p[i] - lr*gi/(Math.sqrt(v[i] - mean[i]*mean[i]) + eps)
    }
    else {
      if (momentum) {
        b[i] = b[i]*momentum + gi/(Math.sqrt(v[i]) + eps)
        p[i] = p[i] - lr*b[i]
      }
      else p[i] = p[i] - lr*gi/(Math.sqrt(v[i]) + eps)
    }
  }
}

function adam(p, g, { m, v, v_max }, t, { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize }) {
  const beta2_t = power(beta2, t)
  const beta1_t = power(beta1, t)
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) gi = gi + weight_decay*p[i]
    m[i] = m[i] + (1 - beta1)*(gi - m[i])
    v[i] = v[i]*beta2 + (1 - beta2)*gi*gi
    if (amsgrad) {
      v_max[i] = Math.max(v_max[i], v[i])
      p[i] = p[i] - lr/(1 - beta1_t)*m[i]/(Math.sqrt(v_max[i])/Math.sqrt(1 - beta2_t) + eps)
    }
    else p[i] = p[i] - lr/(1 - beta1_t)*m[i]/(Math.sqrt(v[i])/Math.sqrt(1 - beta2_t) + eps)
  }
}

function adamw(p, g, { m, v, v_max }, t, { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize }) {
  const beta2_t = power(beta2, t)
  const beta1_t = power(beta1, t)
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) p[i] = p[i]*(1 - lr*weight_decay)
    m[i] = m[i] + (1 - beta1)*(gi - m[i])
    v[i] = v[i]*beta2 + (1 - beta2)*gi*gi
    if (amsgrad) {
      v_max[i] = Math.max(v_max[i], v[i])
      p[i] = p[i] - lr/(1 - beta1_t)*m[i]/(Math.sqrt(v_max[i])/Math.sqrt(1 - beta2_t) + eps)
    }
    else p[i] = p[i] - lr/(1 - beta1_t)*m[i]/(Math.sqrt(v[i])/Math.sqrt(1 - beta2_t) + eps)
  }
}

function lion(p, g, { m }, t, { lr, beta1, beta2, weight_decay, maximize }) {
  for (let i = 0; i < p.length; i++) {
    let gi = g[i]
    if (maximize) gi = -gi
    if (weight_decay) p[i] = p[i]*(1 - lr*weight_decay) - lr*Math.sign(m[i]*beta1 + (1 - beta1)*gi)
    else p[i] = p[i] - lr*Math.sign(m[i]*beta1 + (1 - beta1)*gi)
    m[i] = m[i]*beta2 + (1 - beta2)*gi
  }
}

export const rules = [
  {
    name: "sgd",
    title: "SGD",
    python: "def sgd(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    b, # Buffer of the same shape, zero at first; None if `momentum` is 0\n    t, # Number of this step, 1 at the first\n    lr=1e-3, # Learning rate, at least 0\n    momentum=0, # Share of the buffer that stays, at least 0\n    dampening=0, # Share of the gradient that is kept out of the buffer\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    nesterov=False, # Look ahead? Needs momentum, and no dampening\n):\n    \"\"\"Descent, with momentum where asked, in torch's form.\n    From Polyak 1964, Nesterov 1983, and Sutskever et al. 2013.\"\"\"\n    if weight_decay: g = g.add(p, alpha=weight_decay)\n    if momentum:\n        b.mul_(momentum).add_(g, alpha=1 if t == 1 else 1-dampening)\n        g = g.add(b, alpha=momentum) if nesterov else b\n    p.add_(g, alpha=-lr)\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.001, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "momentum", "label": "momentum", "value": 0, "min": 0, "max": 0.999, "log": false, "kind": "number"}, {"name": "dampening", "label": "dampening", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "nesterov", "label": "Nesterov", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["b"],
    step: sgd,
  },
  {
    name: "adagrad",
    title: "Adagrad",
    python: "def adagrad(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    s, # Sum of squared gradients\n    t, # Number of this step, 1 at the first\n    lr=1e-2, # Learning rate, at least 0\n    lr_decay=0, # How fast the learning rate itself shrinks, at least 0\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    initial_accumulator_value=0, # What `s` starts from, at least 0; the driver fills it in\n    eps=1e-10, # Added to the root, at least 0\n):\n    \"A step divided by the root of the sum of all squared gradients. From Duchi, Hazan and Singer 2011.\"\n    if weight_decay: g = g.add(p, alpha=weight_decay)\n    s.addcmul_(g, g)\n    p.addcdiv_(g, s.sqrt().add_(eps), value=-lr/(1 + (t-1)*lr_decay))\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.01, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "lr_decay", "label": "decay of the learning rate", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "eps", "label": "eps", "value": 1e-10, "min": 1e-12, "max": 1, "log": true, "kind": "number"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["s"],
    step: adagrad,
  },
  {
    name: "rmsprop",
    title: "RMSProp",
    python: "def rmsprop(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    v, # Moving average of squared gradients\n    mean, # Moving average of gradients; None unless `centered`\n    b, # Buffer; None if `momentum` is 0\n    lr=1e-2, # Learning rate, at least 0\n    alpha=0.99, # Share of the averages that stays, at least 0\n    eps=1e-8, # Added to the root, at least 0\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    momentum=0, # Share of the buffer that stays, at least 0\n    centered=False, # Divide by the standard deviation instead of the root mean square?\n):\n    \"\"\"A step divided by the root of a moving average of squared gradients.\n    From Tieleman and Hinton 2012; `centered` from Graves 2013.\"\"\"\n    if weight_decay: g = g.add(p, alpha=weight_decay)\n    v.mul_(alpha).addcmul_(g, g, value=1-alpha)\n    if centered: v = v.addcmul(mean.lerp_(g, 1-alpha), mean, value=-1)\n    if momentum: p.add_(b.mul_(momentum).addcdiv_(g, v.sqrt().add_(eps)), alpha=-lr)\n    else: p.addcdiv_(g, v.sqrt().add_(eps), value=-lr)\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.01, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "alpha", "label": "alpha", "value": 0.99, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "eps", "label": "eps", "value": 1e-08, "min": 1e-12, "max": 1, "log": true, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "momentum", "label": "momentum", "value": 0, "min": 0, "max": 0.999, "log": false, "kind": "number"}, {"name": "centered", "label": "centered", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["v", "mean", "b"],
    step: rmsprop,
  },
  {
    name: "adam",
    title: "Adam",
    python: "def adam(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    m, # Moving average of gradients\n    v, # Moving average of squared gradients\n    v_max, # The largest `v` so far; None unless `amsgrad`\n    t, # Number of this step, 1 at the first\n    lr=1e-3, # Learning rate, at least 0\n    betas=(0.9, 0.999), # Shares of `m` and of `v` that stay, each in [0,1)\n    eps=1e-8, # Added to the root, at least 0\n    weight_decay=0, # L2: added to the gradient, times `p`; at least 0\n    amsgrad=False, # Divide by the largest `v` so far?\n):\n    \"\"\"Momentum divided by the root mean square, both corrected for their start at zero.\n    From Kingma and Ba 2015; `amsgrad` from Reddi, Kale and Kumar 2018.\"\"\"\n    if weight_decay: g = g.add(p, alpha=weight_decay)\n    m.lerp_(g, 1-betas[0])\n    v.mul_(betas[1]).addcmul_(g, g, value=1-betas[1])\n    if amsgrad: v = v_max.copy_(v_max.maximum(v))\n    root = v.sqrt().div_((1 - betas[1]**t)**.5).add_(eps)\n    p.addcdiv_(m, root, value=-lr/(1 - betas[0]**t))\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.001, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "beta1", "label": "beta 1", "value": 0.9, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "beta2", "label": "beta 2", "value": 0.999, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "eps", "label": "eps", "value": 1e-08, "min": 1e-12, "max": 1, "log": true, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "amsgrad", "label": "AMSGrad", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["m", "v", "v_max"],
    step: adam,
  },
  {
    name: "adamw",
    title: "AdamW",
    python: "def adamw(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    m, # Moving average of gradients\n    v, # Moving average of squared gradients\n    v_max, # The largest `v` so far; None unless `amsgrad`\n    t, # Number of this step, 1 at the first\n    lr=1e-3, # Learning rate, at least 0\n    betas=(0.9, 0.999), # Shares of `m` and of `v` that stay, each in [0,1)\n    eps=1e-8, # Added to the root, at least 0\n    weight_decay=1e-2, # Decoupled: the share of `p` that goes, times `lr`; at least 0\n    amsgrad=False, # Divide by the largest `v` so far?\n):\n    \"Adam with decoupled weight decay. From Loshchilov and Hutter 2019.\"\n    if weight_decay: p.mul_(1 - lr*weight_decay)\n    adam(p, g, m, v, v_max, t, lr, betas, eps, 0, amsgrad)\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.001, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "beta1", "label": "beta 1", "value": 0.9, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "beta2", "label": "beta 2", "value": 0.999, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "eps", "label": "eps", "value": 1e-08, "min": 1e-12, "max": 1, "log": true, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0.01, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "amsgrad", "label": "AMSGrad", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["m", "v", "v_max"],
    step: adamw,
  },
  {
    name: "lion",
    title: "Lion",
    python: "def lion(\n    p, # Parameter, any shape; changed in place\n    g, # Gradient, of the same shape\n    m, # Moving average of gradients\n    lr=1e-4, # Learning rate, at least 0: the size of each step\n    betas=(0.9, 0.99), # Shares of `m` that stay: in the step, and in what is remembered; each in [0,1)\n    weight_decay=0, # Decoupled: the share of `p` that goes, times `lr`; at least 0\n):\n    \"The sign of momentum and gradient mixed. From Chen et al. 2023.\"\n    if weight_decay: p.mul_(1 - lr*weight_decay)\n    p.add_(m.mul(betas[0]).add_(g, alpha=1-betas[0]).sign_(), alpha=-lr)\n    m.mul_(betas[1]).add_(g, alpha=1-betas[1])\n",
    hypers: [{"name": "lr", "label": "learning rate", "value": 0.0001, "min": 1e-05, "max": 10, "log": true, "kind": "number"}, {"name": "beta1", "label": "beta 1", "value": 0.9, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "beta2", "label": "beta 2", "value": 0.99, "min": 0, "max": 0.9999, "log": false, "kind": "number"}, {"name": "weight_decay", "label": "weight decay", "value": 0, "min": 0, "max": 1, "log": false, "kind": "number"}, {"name": "maximize", "label": "maximize", "value": false, "min": 0, "max": 1, "log": false, "kind": "switch"}],
    state: ["m"],
    step: lion,
  },
]
