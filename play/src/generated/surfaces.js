// Written by tools/play_rules.py from the notebooks: change those, not this.

function bowl(x, y) {
  return x**2 + y**2
}
function bowl_grad(x, y) {
  return [2*x, 2*y]
}

function ravine(x, y) {
  return (x**2 + 25*y**2)/2
}
function ravine_grad(x, y) {
  return [0.5*(2*x), 0.5*25*(2*y)]
}

function rosenbrock(x, y) {
  return (1 - x)**2 + 100*(y - x**2)**2
}
function rosenbrock_grad(x, y) {
  return [-100*(2*(y - x**2))*(2*x) - 2*(1 - x), 100*(2*(y - x**2))]
}

function beale(x, y) {
  return (1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2
}
function beale_grad(x, y) {
  return [2*(2.625 - x + x*y**3)*y**3 - 2*(2.625 - x + x*y**3) + 2*(2.25 - x + x*y**2)*y**2 - 2*(2.25 - x + x*y**2) + 2*(1.5 - x + x*y)*y - 2*(1.5 - x + x*y), 2*(2.625 - x + x*y**3)*x*(3*y**2) + 2*(2.25 - x + x*y**2)*x*(2*y) + 2*(1.5 - x + x*y)*x]
}

function himmelblau(x, y) {
  return (x**2 + y - 11)**2 + (x + y**2 - 7)**2
}
function himmelblau_grad(x, y) {
  return [2*(x + y**2 - 7) + 2*(x**2 + y - 11)*(2*x), 2*(x + y**2 - 7)*(2*y) + 2*(x**2 + y - 11)]
}

function saddle(x, y) {
  return x**2 - y**2 + y**4/2
}
function saddle_grad(x, y) {
  return [2*x, 0.5*(4*y**3) - 2*y]
}

export const surfaces = [
  {
    name: "bowl",
    title: "Bowl",
    formula: "x**2 + y**2",
    start: [-4.0, 2.0],
    minimum: [0.0, 0.0],
    minima: [[0.0, 0.0]],
    x: [-5, 5],
    y: [-3, 3],
    value: bowl,
    grad: bowl_grad,
  },
  {
    name: "ravine",
    title: "Ravine",
    formula: "(x**2 + 25*y**2)/2",
    start: [-4.0, 1.0],
    minimum: [0.0, 0.0],
    minima: [[0.0, 0.0]],
    x: [-5, 3],
    y: [-2, 2],
    value: ravine,
    grad: ravine_grad,
  },
  {
    name: "rosenbrock",
    title: "Rosenbrock",
    formula: "(1 - x)**2 + 100*(y - x**2)**2",
    start: [-1.2, 1.0],
    minimum: [1.0, 1.0],
    minima: [[1.0, 1.0]],
    x: [-2, 2],
    y: [-1, 3],
    value: rosenbrock,
    grad: rosenbrock_grad,
  },
  {
    name: "beale",
    title: "Beale",
    formula: "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
    start: [1.0, 1.5],
    minimum: [3.0, 0.5],
    minima: [[3.0, 0.5]],
    x: [-0.5, 4.5],
    y: [-1.5, 2],
    value: beale,
    grad: beale_grad,
  },
  {
    name: "himmelblau",
    title: "Himmelblau",
    formula: "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
    start: [0.0, 0.0],
    minimum: [3.0, 2.0],
    minima: [[3.0, 2.0], [-2.805118086952745, 3.131312518250573], [-3.779310253377747, -3.2831859912861696], [3.5844283403304917, -1.8481265269644034]],
    x: [-5, 5],
    y: [-5, 5],
    value: himmelblau,
    grad: himmelblau_grad,
  },
  {
    name: "saddle",
    title: "Saddle",
    formula: "x**2 - y**2 + y**4/2",
    start: [-1.5, 0.001],
    minimum: [0.0, -1.0],
    minima: [[0.0, -1.0], [0.0, 1.0]],
    x: [-2, 1.5],
    y: [-1.6, 1.6],
    value: saddle,
    grad: saddle_grad,
  },
]
